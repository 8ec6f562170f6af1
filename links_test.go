package delivery

import (
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What must not be linked, by the beginning of the package's path.
const (
	awsSDK       = "github.com/aws/aws-sdk-go-v2"
	gitHubSDK    = "github.com/google/go-github"
	pulumiAWS    = "github.com/pulumi/pulumi-aws"
	pulumiSDK    = "github.com/pulumi/pulumi/"
	terminalTool = "github.com/charmbracelet/"
	terminalAsks = "github.com/muesli/termenv"
)

// programs returns the folders of the platform's own Pulumi programs.
func programs(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, file := range tracked(t) {
		dir := filepath.ToSlash(filepath.Dir(file))
		if path.Base(file) == "Pulumi.yaml" && !strings.HasPrefix(dir, "examples/") && !strings.Contains(dir, "testdata") {
			found = append(found, dir)
		}
	}
	require.Subset(t, found, []string{"bootstrap", "shared", "targets", "environments/dev"})
	return found
}

// commands returns the folders of the binaries that we build.
func commands(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("lib/cmd/*/main.go")
	require.NoError(t, err)
	for i, file := range found {
		found[i] = filepath.ToSlash(filepath.Dir(file))
	}
	require.Subset(t, found, []string{"lib/cmd/deployer", "lib/cmd/platform", "lib/cmd/receiver", "lib/cmd/rehearse"})
	return found
}

// linked returns the packages that a binary links.
func linked(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+dir)
	out, err := cmd.Output()
	require.NoError(t, err, dir)
	return strings.Fields(string(out))
}

// requireNone fails when a binary links a package whose path begins so.
func requireNone(t *testing.T, dir string, packages []string, prefixes ...string) {
	t.Helper()
	for _, prefix := range prefixes {
		for _, p := range packages {
			require.False(t, strings.HasPrefix(p, prefix), "%s links %s: find the chain of imports with: go list -deps -json ./%s", dir, p, dir)
		}
	}
}

// What a program shares with a function or the deployer is in lib/contract,
// and not beside the code that calls AWS.
func TestNoProgramLinksTheClientsOfAWSOrGitHub(t *testing.T) {
	t.Parallel()
	for _, dir := range programs(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			requireNone(t, dir, linked(t, dir), awsSDK, gitHubSDK)
		})
	}
}

// The functions and the deployer are small, and no command waits for a
// terminal: most of the Pulumi SDK links a library that asks it for its colours.
// Only the rehearsal's providers speak the engine's protocol.
func TestTheCommandsLinkNoMoreThanTheyNeed(t *testing.T) {
	t.Parallel()
	for _, dir := range commands(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			packages := linked(t, dir)
			requireNone(t, dir, packages, pulumiAWS, terminalTool, terminalAsks)
			if dir != "lib/cmd/rehearse" {
				requireNone(t, dir, packages, pulumiSDK)
			}
		})
	}
}

func TestTheContractHasNoDependencies(t *testing.T) {
	t.Parallel()
	packages := linked(t, "lib/contract")
	require.Contains(t, packages, "regexp")
	for _, p := range packages {
		module, _, _ := strings.Cut(p, "/")
		require.True(t, !strings.Contains(module, ".") || p == "delivery.internal/lib/contract", "lib/contract imports %s", p)
	}
}

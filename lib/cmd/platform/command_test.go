package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout makes the folders of the projects and returns the root.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bootstrap", "shared", "targets", "environments/dev", "environments/staging", "environments/prod"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	return root
}

func run(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	cmd := command(strings.NewReader(""), &out, func(name string) string { return env[name] })
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestConfigureTakesVariables(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	out, err := run(t, map[string]string{
		"SUFFIX": "a1b2", "REPOSITORY": "acme/infrastructure", "OWNERS": "a@example.com, b@example.com",
		"PROD_ACCOUNT": "999999999999", "DEV_PROFILE": "dev-admin", "CONNECTION_ARN": "arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-4000-8000-000000000000",
	}, "configure", "--root", root)
	require.NoError(t, err)
	require.Contains(t, out, "make bootstrap")
	for file, want := range map[string]string{
		"bootstrap/Pulumi.a1b2.yaml":         "- b@example.com",
		"shared/Pulumi.a1b2.yaml":            "shared:connectionArn: arn:aws",
		"targets/Pulumi.dev.yaml":            "targets:profile: dev-admin",
		"targets/Pulumi.prod.yaml":           "targets:environmentSuffix: a1b2",
		"environments/prod/Pulumi.a1b2.yaml": "config: {}",
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Contains(t, string(text), want)
	}
	text, err := os.ReadFile(filepath.Join(root, "bootstrap/Pulumi.a1b2.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(text), `bootstrap:prodAccount: "999999999999"`)
}

func TestConfigureAsksAndShowsDefaults(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o := &options{in: strings.NewReader("c3d4\nacme/infra\n\nme@example.com\n"), out: &out}
	a := &answers{branch: "main", dev: "123456789012"}
	require.NoError(t, a.ask(o))
	require.Equal(t, "c3d4", o.suffix)
	require.Equal(t, []string{"acme/infra", "main", "me@example.com", "123456789012"}, []string{a.repository, a.branch, a.owners, a.dev})
	require.Contains(t, out.String(), "Branch that is delivered [main]: ")
}

func TestConfigureWithoutValuesSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := run(t, nil, "configure", "--root", checkout(t))
	require.ErrorContains(t, err, "environment suffix")
	require.ErrorContains(t, err, "REPOSITORY=")
}

func TestProjectCommandsNeedAnInstallation(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"bootstrap"}, {"up", "shared"}, {"destroy-all"}, {"image"}} {
		_, err := run(t, nil, append(args, "--root", checkout(t))...)
		require.ErrorContains(t, err, "make configure")
	}
}

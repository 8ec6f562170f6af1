package delivery

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

const (
	pulumiModule = "github.com/pulumi/pulumi/sdk/v3"
	cliModule    = "github.com/pulumi/pulumi/pkg/v3"
	awsModule    = "github.com/pulumi/pulumi-aws/sdk/v6"
)

// tracked returns the files that git knows and that exist, by path.
func tracked(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	return slices.DeleteFunc(strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || !info.Mode().IsRegular()
	})
}

// modules returns every go.mod of the repository by its folder.
func modules(t *testing.T) map[string]*modfile.File {
	t.Helper()
	found := map[string]*modfile.File{}
	for _, path := range tracked(t) {
		if filepath.Base(path) != "go.mod" {
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := modfile.Parse(path, text, nil)
		require.NoError(t, err)
		found[filepath.ToSlash(filepath.Dir(path))] = f
	}
	require.Contains(t, found, "lib")
	return found
}

func versions(f *modfile.File) map[string]string {
	out := map[string]string{}
	for _, r := range f.Require {
		out[r.Mod.Path] = r.Mod.Version
	}
	return out
}

// The language hosts are programs of their own: what they are built from has
// nothing to do with what ours are built from.
func isTool(folder string) bool { return folder == "tools" || strings.HasPrefix(folder, "tools/") }

func TestEveryModuleUsesTheVersionsOfTheLibrary(t *testing.T) {
	t.Parallel()
	all := modules(t)
	want := versions(all["lib"])
	for folder, f := range all {
		if isTool(folder) {
			continue
		}
		for _, r := range f.Require {
			version, shared := want[r.Mod.Path]
			if shared && !r.Indirect {
				require.Equal(t, version, r.Mod.Version, "%s/go.mod: %s is not the version of lib/go.mod", folder, r.Mod.Path)
			}
		}
	}
}

// What the image compiles in advance serves only who asks for the same.
func TestTheWarmCacheOfTheImageIsThatOfTheLibrary(t *testing.T) {
	t.Parallel()
	all := modules(t)
	want := versions(all["lib"])
	for path, version := range versions(all["image/warm"]) {
		if expected, shared := want[path]; shared {
			require.Equal(t, expected, version, "image/warm/go.mod: %s", path)
		}
	}
}

func TestTheCLIIsThatOfTheSDK(t *testing.T) {
	t.Parallel()
	all := modules(t)
	require.Equal(t, versions(all["lib"])[pulumiModule], versions(all["tools"])[cliModule], "tools/go.mod")
}

func TestTheGoVersionIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	all := modules(t)
	want := all["lib"].Go.Version
	for folder, f := range all {
		require.Equal(t, want, f.Go.Version, "the go line of %s/go.mod", folder)
	}
	work, err := os.ReadFile("go.work")
	require.NoError(t, err)
	require.Contains(t, string(work), "go "+want+"\n")
}

// writtenVersions are versions that are written down outside of go.mod files:
// in the Makefile, the Dockerfile, code, tests and documents.
var writtenVersions = map[string]*regexp.Regexp{
	pulumiModule: regexp.MustCompile(`\bv(3\.2\d\d\.\d+)\b`),
	awsModule:    regexp.MustCompile(`\bv?(6\.8\d\.\d+)\b`),
}

func TestVersionsThatAreWrittenDownAgree(t *testing.T) {
	t.Parallel()
	want := versions(modules(t)["lib"])
	seen := map[string]int{}
	for _, path := range tracked(t) {
		if strings.HasPrefix(filepath.Base(path), "go.") { // go.mod, go.sum, go.work, go.work.sum
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for module, pattern := range writtenVersions {
			for _, m := range pattern.FindAllSubmatch(text, -1) {
				seen[module]++
				require.Equal(t, strings.TrimPrefix(want[module], "v"), string(m[1]), "%s names another version of %s than lib/go.mod", path, module)
			}
		}
	}
	for _, module := range slices.Sorted(maps.Keys(writtenVersions)) {
		require.Greater(t, seen[module], 3, "the pattern no longer finds how %s is written down", module)
	}
}

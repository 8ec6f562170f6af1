package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// makes runs make on the Makefile in a folder of its own.
func makes(t *testing.T, args ...string) (string, string) {
	t.Helper()
	file, err := filepath.Abs("../../../Makefile")
	require.NoError(t, err)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"-f", file}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // these tests may run under make themselves
	out, _ := cmd.CombinedOutput()                                           // what it printed says how it ended
	return dir, string(out)
}

// TestWhatUsersGiveToMakeIsNeverRun holds the values of variables to be data.
func TestWhatUsersGiveToMakeIsNeverRun(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{`x" ]; touch made; [ "`, "`touch made`", "$$(touch made)"} {
		dir, out := makes(t, "need-project", "PROJECT="+evil)
		require.NoFileExists(t, filepath.Join(dir, "made"), "%s: %s", evil, out)
		for _, target := range []string{"up", "preview", "refresh", "destroy", "rehearse", "configure", "bootstrap", "image", "rotate-webhook-secret", "destroy-all"} {
			_, out = makes(t, "--dry-run", target, "PROJECT="+evil, "APPROVE="+evil, "SUFFIX="+evil, "REPOSITORY="+evil, "FORCE="+evil)
			require.NotContains(t, out, "touch made", "%s: its text is part of the recipe of %s", evil, target)
		}
	}
	_, out := makes(t, "need-project")
	require.Contains(t, out, "PROJECT is not set")
	_, out = makes(t, "need-project", "PROJECT=shared")
	require.Empty(t, out)
}

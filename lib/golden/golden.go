// Package golden holds texts of tests to files that a reviewer reads: names,
// URNs, policies and rendered pipelines. Only tests import it; it knows nothing
// of what the texts mean.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Require holds got to testdata/NAME beside the test. With the flag -update,
// as in `go test ./lib/naming -update`, it writes the file instead. why tells
// what a difference means for an installation that exists.
func Require(t testing.TB, name, got, why string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run this package's tests once with -update")
	require.Equal(t, string(want), got, "%s; if it is meant, run this package's tests once with -update", why)
}

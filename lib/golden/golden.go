// Package golden holds texts of tests to files that a reviewer reads: names,
// URNs, policies and rendered pipelines. Only tests import it; it knows nothing
// of what the texts mean.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	require.Empty(t, difference(string(want), got), "%s; if it is meant, run this package's tests once with -update", why)
}

// difference lists the lines that only one of two texts has, or says that their
// order differs. The texts are too long to be shown whole.
func difference(want, got string) []string {
	if want == got {
		return nil
	}
	before, after := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			out = append(out, "+ "+line)
		}
	}
	if len(out) == 0 {
		out = []string{"the same lines, in another order or number"}
	}
	return out
}

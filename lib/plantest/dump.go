package plantest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/plantest/dump"
)

// Dump writes the resources of a program to the folder that the environment
// names, for make permissions-diff, and where it names none into one that goes
// with the test.
func Dump(t testing.TB, project, stack string, rs []Resource) {
	t.Helper()
	dir := os.Getenv(dump.Variable)
	if dir == "" {
		dir = t.TempDir()
	}
	out := dump.Stack{Project: project, Stack: stack}
	seen := map[string]bool{}
	for _, r := range rs {
		if !r.Custom {
			continue
		}
		d := dump.Resource{URN: URNs([]Resource{r}, project, stack)[0], Type: r.Type, Inputs: r.Inputs}
		require.False(t, seen[d.URN], "%s is there twice", d.URN)
		seen[d.URN] = true
		out.Resources = append(out.Resources, d)
	}
	require.NotEmpty(t, out.Resources)
	text, err := json.MarshalIndent(out, "", " ")
	require.NoError(t, err)
	name := strings.ReplaceAll(project+" "+stack, "/", "-") + ".json"
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
}

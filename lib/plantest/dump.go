package plantest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// DumpVariable names the folder into which Dump writes.
const DumpVariable = "PLANTEST_DUMP"

// Dumped is a stack's resources as a file.
type Dumped struct {
	Project   string           `json:"project"`
	Stack     string           `json:"stack"`
	Resources []DumpedResource `json:"resources"`
}

// DumpedResource is a resource with its inputs.
type DumpedResource struct {
	URN    string         `json:"urn"`
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
}

// Dump writes the resources of a program to the folder that the environment
// names, for make permissions-diff, and where it names none into one that goes
// with the test.
func Dump(t testing.TB, project, stack string, rs []Resource) {
	t.Helper()
	dir := os.Getenv(DumpVariable)
	if dir == "" {
		dir = t.TempDir()
	}
	out := Dumped{Project: project, Stack: stack}
	seen := map[string]bool{}
	for _, r := range rs {
		if !r.Custom {
			continue
		}
		d := DumpedResource{URN: URNs([]Resource{r}, project, stack)[0], Type: r.Type, Inputs: r.Inputs}
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

// ReadDump reads what Dump has written into a folder.
func ReadDump(dir string) ([]Dumped, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []Dumped
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var d Dumped
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

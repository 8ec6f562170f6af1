package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rehearse runs the command without a terminal.
func rehearse(args ...string) error {
	c := command(strings.NewReader(""), &bytes.Buffer{})
	c.SetArgs(args)
	return c.Execute()
}

func TestWhatCannotWorkIsRefusedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`--approve is "perhaps": expected yes, no or ask`: {"--approve", "perhaps"},
		"this is not a terminal":                          {},
		`--inventory is "nowhere/all.json", whose folder`: {"--approve", "yes", "--inventory", "nowhere/all.json"},
		`--report is "nowhere/r.html", whose folder`:      {"--approve", "yes", "--report", "nowhere/r.html"},
		"the Pulumi CLI is missing":                       {"--approve", "yes", "--root", t.TempDir()},
		`unknown command "extra"`:                         {"extra"},
		"unknown flag: --colour":                          {"--colour"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, rehearse(append(args, "--log", "")...), want)
		})
	}
}

func TestAFailureShowsTheLastDiagnosticsOfTheCLI(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, []byte(" +  x creating error: in passing\n    error: update failed\n    error: the key may not be used\npreview | error: of a build\n"), 0o600))
	var out bytes.Buffer
	printDiagnostics(&out, log)
	require.Equal(t, "  | error: the key may not be used\n", out.String())
}

package iampolicy

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed actions.txt
var actionsText string

var knownActions = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for line := range strings.Lines(actionsText) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			known[strings.ToLower(line)] = true
		}
	}
	return known
})

// KnownAction says whether an action exists, by the table in actions.txt. IAM
// compares actions without regard to case.
func KnownAction(action string) bool { return knownActions()[strings.ToLower(action)] }

// Actions lists the known actions in lower case, in no order: for patterns,
// which must match at least one.
func Actions() []string { return slices.Collect(maps.Keys(knownActions())) }

package guide

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdicts of the threat model, and whether they have to be shown.
var verdicts = map[string]bool{"**Refused**": true, "**Detected**": true, "**Open**": false, "**Inherent**": false}

func TestWhatTheThreatModelCallsRefusedOrDetectedIsShown(t *testing.T) {
	t.Parallel()
	e := known(t)
	seen := map[string]int{}
	for _, row := range rows(read(t, filepath.Join(root, "docs", "threat-model.md"))) {
		if len(row) != 4 {
			require.Contains(t, []int{2, 3}, len(row), "%v", row) // who is trusted, what verdicts mean
			continue
		}
		attempt, verdict, shown := row[0], row[1], row[3]
		must, ok := verdicts[verdict]
		require.True(t, ok, "%s: %q is not a verdict of this page", attempt, verdict)
		seen[verdict]++
		require.NotEmpty(t, row[2], "%s: say why", attempt)
		n, err := e.check(shown)
		require.NoError(t, err, attempt)
		require.True(t, n > 0 || !must && shown == "-", "%s: nothing shows it", attempt)
	}
	require.Len(t, seen, len(verdicts), "every verdict is given: %v", seen)
}

func TestTheThreatModelIsLinkedFromWhereAuditorsBegin(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "docs/compliance.md", "docs/least-privilege.md"} {
		text := read(t, filepath.Join(root, filepath.FromSlash(page)))
		require.True(t, slices.ContainsFunc(link.FindAllString(text, -1), func(l string) bool { return strings.Contains(l, "threat-model.md") }), page)
	}
}

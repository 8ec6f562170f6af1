package guide

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recordHead is how a decision record begins.
var recordHead = regexp.MustCompile(`\A# (\d{4}) .+\n\n- Status: (accepted|superseded by \[(\d{4})\]\((\d{4})-[a-z0-9-]+\.md\))\n- Date: (\d{4}-\d{2}-\d{2})\n\n`)

// howToCheck is the last section of a record.
const howToCheck = "How to check it still holds"

func records(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "decisions", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string]string{}
	for _, file := range files {
		number, _, _ := strings.Cut(filepath.Base(file), "-")
		require.NotContains(t, out, number, "two records have the number %s", number)
		out[number] = read(t, file)
	}
	return out
}

func TestEveryDecisionRecordHasTheSameShape(t *testing.T) {
	t.Parallel()
	all := records(t)
	for number, text := range all {
		m := recordHead.FindStringSubmatch(text)
		require.NotNil(t, m, "%s begins with: # %s Title, - Status: accepted (or: superseded by a linked record), - Date: YYYY-MM-DD", number, number)
		require.Equal(t, number, m[1], "the number in the title of %s", number)
		_, err := time.Parse(time.DateOnly, m[5])
		require.NoError(t, err, number)
		require.Equal(t, m[3], m[4], "%s says one number and links to another", number)
		if m[3] != "" {
			require.Contains(t, all, m[3], "%s is superseded by a record that does not exist", number)
		}
		var titles []string
		for _, h := range heading.FindAllStringSubmatch(text, -1)[1:] {
			require.NotEmpty(t, section(text, h[1]), "%s: %s is empty", number, h[1])
			titles = append(titles, h[1])
		}
		require.Equal(t, []string{"Context", "Decision", "Consequences", howToCheck}, titles, number)
	}
}

func TestEveryDecisionRecordNamesEvidenceThatExists(t *testing.T) {
	t.Parallel()
	e := known(t)
	for number, text := range records(t) {
		n, err := e.check(section(text, howToCheck))
		require.NoError(t, err, number)
		require.NotZero(t, n, "%s says how to check it without a test, a step, a command, a path or a page", number)
	}
}

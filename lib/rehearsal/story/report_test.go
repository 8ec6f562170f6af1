package story

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/rehearsal/cloud"
)

func report() Report {
	started := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return Report{
		Suffix: "a1b2", Started: started, Ended: started.Add(90 * time.Second),
		Steps:     []Node{{Label: "make bootstrap", Status: Done, Started: started, Took: time.Second}},
		Approvals: []Approved{{Pipeline: "pipeline-prod-a1b2", Commit: "c0ffee", Summary: "1 to create", Diff: "+ aws:sns:Topic <script>alert(1)</script>\n~~~\n", Decision: "approved"}},
		Checks:    []Check{{"one commit went everywhere", "c0ffee", true}},
		Timeline:  []cloud.Event{{Kind: "pipeline", Subject: "pipeline-prod-a1b2", Message: "SUCCEEDED"}},
		Deployed:  map[string]int{"shared": 3, "bootstrap": 2}, Types: 46, Allowed: 7, NotPlayed: NotPlayed(),
	}
}

func TestReportIsOnePageThatLoadsNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, report().WriteHTML(file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	page := string(text)
	for _, want := range []string{"make bootstrap", "c0ffee", "one commit went everywhere", "approved", NotPlayed()[4]} {
		require.Contains(t, page, want)
	}
	require.NotContains(t, page, "<script>alert", "what programs write is text")
	for _, outside := range []string{"src=", "<link", "@import", "url("} {
		require.NotContains(t, page, outside)
	}
}

func TestReportFailsWithAnyFault(t *testing.T) {
	t.Parallel()
	require.True(t, report().OK())
	for name, spoil := range map[string]func(*Report){
		"an error":       func(r *Report) { r.Err = "broken" },
		"a failed check": func(r *Report) { r.Checks = append(r.Checks, Check{"nothing is left", "1", false}) },
		"no check":       func(r *Report) { r.Checks = nil },
	} {
		r := report()
		spoil(&r)
		var out bytes.Buffer
		r.Print(&out)
		require.False(t, r.OK(), name)
		require.Contains(t, out.String(), "FAILED", name)
	}
}

func TestLinesOfADiffAreTold(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"    + aws:sns/topic:Topic: (create)": "add", "  - aws:x: (delete)": "del", " ~ aws:x: (update)": "mod", "+-aws:x": "",
		"+- aws:x: (replace)": "add", "-- aws:x": "del", "~~~": "", "--outputs:--": "", "plain": "", "": "",
	} {
		require.Equal(t, want, diffClass(line), line)
	}
}

func TestReportSaysWhatFailed(t *testing.T) {
	t.Parallel()
	r := Report{Checks: []Check{{"one", "fine", true}}}
	require.True(t, r.OK())
	r.Checks = append(r.Checks, Check{"two", "broken", false})
	require.False(t, r.OK())
	require.False(t, Report{}.OK(), "nothing checked is nothing shown")
	require.False(t, Report{Checks: r.Checks[:1], Err: errors.New("x").Error()}.OK())
}

func TestReportIsOnePage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.html")
	r := Report{Suffix: "a1b2", Steps: []Node{{Label: "make bootstrap", Status: Done}}, Checks: []Check{{"one", "<b>", true}}, NotPlayed: NotPlayed(),
		Approvals: []Approved{{Pipeline: "pipeline-prod-a1b2", Diff: "+ queue\n- topic"}}}
	require.NoError(t, r.WriteHTML(file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, want := range []string{"make bootstrap", "pipeline-prod-a1b2", "&lt;b&gt;", "docker build"} {
		require.Contains(t, string(text), want)
	}
	for _, outside := range []string{"src=", "href=", "@import"} {
		require.NotContains(t, string(text), outside, "the page needs nothing else")
	}
}

package story

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
)

// Check is one thing that the rehearsal held the platform to.
type Check struct {
	What   string `json:"what"`
	Detail string `json:"detail"` // what was found
	OK     bool   `json:"ok"`
}

// Approved is what a person was shown and how they decided.
type Approved struct {
	Pipeline, Commit, Summary, Diff, Decision string
}

// Report is the account of a rehearsal.
type Report struct {
	Suffix         string
	Started, Ended time.Time
	Steps          []Node
	Approvals      []Approved
	Checks         []Check
	Timeline       []cloud.Event
	// Deployed counts the resources of each stack at its fullest.
	Deployed map[string]int
	// Types is how many resource types the local cloud knows.
	Types int
	// Allowed and Denied count the calls that were authorised.
	Allowed int
	Denied  []string
	// NotPlayed is what this rehearsal can't show.
	NotPlayed []string
	Err       string
}

// NotPlayed lists what only a real account shows.
func NotPlayed() []string {
	return []string{
		"The docker build of the build image: the commands of image/buildspec.yml run against a docker and registries that are played, the Dockerfile's don't, and builds run with this machine's tools.",
		"The handshake of the source connection, which a person completes in the console: it is taken as completed.",
		"Real GitHub: its webhook deliveries, its archives, its pull requests and its settings are played.",
		"Your workload and your permissions: the sample workload is deployed with the default ones.",
		"The vulnerability scanner: its findings are given.",
		"E-mail: subscriptions are taken as confirmed, and messages are captured.",
		"API Gateway's throttling, CloudTrail's records and log retention over time.",
		"How long CloudWatch takes to look: an alarm is raised at once, and only on messages in a queue.",
		"AWS's quotas, prices, latencies and eventual consistency.",
	}
}

// OK says whether everything went well.
func (r Report) OK() bool {
	if r.Err != "" {
		return false
	}
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return len(r.Checks) > 0
}

// Took is the wall time.
func (r Report) Took() time.Duration { return r.Ended.Sub(r.Started).Round(100 * time.Millisecond) }

// Resources is how many resources all stacks together had.
func (r Report) Resources() int {
	n := 0
	for _, count := range r.Deployed {
		n += count
	}
	return n
}

// Print writes the report for a terminal.
func (r Report) Print(out io.Writer) {
	fmt.Fprintf(out, "\nRehearsal of %s: %s in %s\n\n", r.Suffix, verdictText(r.OK()), r.Took())
	for _, s := range r.Steps {
		fmt.Fprintf(out, "  %s %-58s %8s\n", marks[s.Status], s.Label, s.Took.Round(100*time.Millisecond))
	}
	fmt.Fprintf(out, "\nChecked\n")
	for _, c := range r.Checks {
		mark := marks[Done]
		if !c.OK {
			mark = marks[Failed]
		}
		fmt.Fprintf(out, "  %s %s: %s\n", mark, c.What, c.Detail)
	}
	fmt.Fprintf(out, "\n%d resources in %d stacks, of %d types that the local cloud knows; %d calls authorised, %d denied\n",
		r.Resources(), len(r.Deployed), r.Types, r.Allowed, len(r.Denied))
	for _, d := range r.Denied {
		fmt.Fprintf(out, "  denied: %s\n", d)
	}
	fmt.Fprintf(out, "\nNot played\n")
	for _, n := range r.NotPlayed {
		fmt.Fprintf(out, "  - %s\n", n)
	}
	if r.Err != "" {
		fmt.Fprintf(out, "\nerror: %s\n", r.Err)
	}
}

func verdictText(ok bool) string {
	if ok {
		return "passed"
	}
	return "FAILED"
}

//go:embed report.html
var page string

// WriteHTML writes the report as one self-contained page.
func (r Report) WriteHTML(file string) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"mark":    func(s Status) string { return marks[s] },
		"ms":      func(d time.Duration) string { return d.Round(10 * time.Millisecond).String() },
		"since":   func(t time.Time) string { return fmt.Sprintf("%.1f s", t.Sub(r.Started).Seconds()) },
		"verdict": verdictText,
		"lines":   func(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") },
		"left":    func(t time.Time) string { return percentOf(t.Sub(r.Started), r.Ended.Sub(r.Started)) },
		"width":   func(d time.Duration) string { return percentOf(d, r.Ended.Sub(r.Started)) },
		"diff":    diffClass,
	}).Parse(page)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := t.Execute(f, r); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func percentOf(part, whole time.Duration) string {
	if whole <= 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", 100*min(1, max(0, float64(part)/float64(whole))))
}

// diffMark begins a line of a diff that speaks of a change. The CLI draws
// ~~~ and --outputs:-- too, which don't.
var diffMark = regexp.MustCompile(`^\s*([+~-])[+-]?\s`)

func diffClass(line string) string {
	m := diffMark.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	return map[string]string{"+": "add", "-": "del", "~": "mod"}[m[1]]
}

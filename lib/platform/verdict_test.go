package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/platform"
)

// fakeGate answers the questions in turn; it keeps to the last answer.
type fakeGate struct {
	answers   []contract.ImageVerdict
	asked     []contract.VerdictRequest
	last      contract.ImageVerdict
	ask, read error
}

func (g *fakeGate) Ask(_ context.Context, r contract.VerdictRequest) error {
	g.asked = append(g.asked, r)
	if len(g.answers) > 0 {
		g.last, g.answers = g.answers[0], g.answers[1:]
		g.last.Request = r.Request
	}
	return g.ask
}

func (g *fakeGate) Verdict(context.Context) (contract.ImageVerdict, error) { return g.last, g.read }

var image = "sha256:" + strings.Repeat("a", 64)

func TestTheVerdictIsWaitedFor(t *testing.T) {
	t.Parallel()
	is := func(s contract.VerdictStatus) contract.ImageVerdict {
		return contract.ImageVerdict{Image: image, Status: s, Reason: "because"}
	}
	refused := is(contract.ImageRefused)
	refused.Blocking = []string{"CVE-2026-1 HIGH in zlib", "CVE-2026-2 CRITICAL in bash"}
	approved := is(contract.ImageApproved)
	approved.Accepted = []contract.AcceptedFinding{{ID: "CVE-2026-3", Package: "tar", Reason: "it is never called", Expires: "2027-01-31"}}
	approved.More = 2
	other := is(contract.ImageApproved)
	other.Image = "sha256:" + strings.Repeat("b", 64)
	cases := map[string]struct {
		gate  *fakeGate
		says  []string
		fails []string
	}{
		"approved": {gate: &fakeGate{answers: []contract.ImageVerdict{approved}}, says: []string{
			"accepted until 2027-01-31: CVE-2026-3 in tar: it is never called", "2 more are in the log group scan-gate-logs-shared-a1b2", "approved: because", "approved-image-shared-a1b2"}},
		"after a while": {gate: &fakeGate{answers: []contract.ImageVerdict{is(contract.ImageWaiting), is(contract.ImageWaiting), approved}}, says: []string{"==> because"}},
		"refused": {gate: &fakeGate{answers: []contract.ImageVerdict{refused}}, fails: []string{
			"the scan gate refuses the image " + image + ": because\n  CVE-2026-1 HIGH in zlib\n  CVE-2026-2 CRITICAL in bash\n", "shared/Pulumi.a1b2.yaml"}},
		"never":                     {gate: &fakeGate{}, fails: []string{"no verdict on " + image + " in 50ms: it has not answered", "scan-gate-logs-shared-a1b2"}},
		"still scanned":             {gate: &fakeGate{answers: []contract.ImageVerdict{is(contract.ImageWaiting)}}, fails: []string{"in 50ms: because"}},
		"an old verdict":            {gate: &fakeGate{last: approved}, fails: []string{"it has not answered"}},
		"about another image":       {gate: &fakeGate{answers: []contract.ImageVerdict{other}}, fails: []string{"it has not answered"}},
		"a status of the future":    {gate: &fakeGate{answers: []contract.ImageVerdict{is("perhaps")}}, fails: []string{`says "perhaps"`}},
		"a gate that can't hear":    {gate: &fakeGate{ask: errors.New("denied")}, fails: []string{"can't be asked", "denied", "not built twice"}},
		"a verdict nobody can read": {gate: &fakeGate{read: errors.New("denied")}, fails: []string{"can't be read", "denied", "not built twice"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInstallation(t)
			var out strings.Builder
			i.config.Out = &out
			err := i.open(t).WaitForVerdict(t.Context(), c.gate, image, platform.Waiting{Every: time.Millisecond, Patience: patience(c.fails)})
			for _, want := range c.says {
				require.Contains(t, out.String(), want)
			}
			if c.fails == nil {
				require.NoError(t, err)
			}
			for _, want := range c.fails {
				require.ErrorContains(t, err, want)
			}
			require.NotEmpty(t, c.gate.asked)
			require.Equal(t, "build-image-shared-a1b2", c.gate.asked[0].Repository)
			require.Equal(t, image, c.gate.asked[0].Image)
			require.NotEmpty(t, c.gate.asked[0].Request)
		})
	}
}

// patience is short where nothing is to come.
func patience(fails []string) time.Duration {
	if fails != nil {
		return 50 * time.Millisecond
	}
	return time.Minute
}

func TestAWaitIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := newInstallation(t).open(t).WaitForVerdict(ctx, &fakeGate{}, image, platform.Waiting{Every: time.Minute, Patience: time.Hour})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "make image again")
}

package deploy

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// foretold is an Engine whose previews are known beforehand.
type foretold struct {
	Engine
	plan    string
	changes []Change
}

func (f foretold) Preview(_ context.Context, _ Stack, _ State, planFile string) (Proposal, error) {
	return Proposal{Changes: f.changes}, os.WriteFile(planFile, []byte(f.plan), 0o600)
}

func (foretold) Writer(context.Context, Stack, State) string { return "at some time" }

func (foretold) Opener(context.Context, State) Opener {
	return func(text string) (string, error) { return text, nil }
}

func TestOnlyAPlanThatMayBeCarriedOutIsWhereThoseAre(t *testing.T) {
	t.Parallel()
	const reviewed = `{"resourcePlans":{"urn:pulumi:dev::p::t:m:T::a":{"goal":{"inputDiff":{"updates":{"size":2}}},"steps":["update"]}}}`
	const another = `{"resourcePlans":{"urn:pulumi:dev::p::t:m:T::a":{"goal":{"inputDiff":{"updates":{"size":3}}},"steps":["update"]}}}`
	shown := []Change{{URN: "urn:pulumi:dev::p::t:m:T::a", Op: opUpdate, Paths: []string{"size"}}}
	more := append([]Change{{URN: "urn:pulumi:dev::p::t:m:T::b", Op: opDelete}}, shown...)
	for name, c := range map[string]struct {
		engine foretold
		state  string
		review func(*Review)
		err    string
		plan   string // to be carried out
	}{
		"as reviewed":              {foretold{plan: reviewed, changes: shown}, "s", nil, "", reviewed},
		"another plan":             {foretold{plan: another, changes: shown}, "s", nil, "what a new preview does not want", ""},
		"another change":           {foretold{plan: reviewed, changes: more}, "s", nil, "is not what was reviewed", ""},
		"moved, and as was shown":  {foretold{plan: reviewed, changes: shown}, "moved", nil, "", reviewed},
		"moved, with another plan": {foretold{plan: another, changes: shown}, "moved", nil, "was not shown", ""},
		"unbound, as was shown":    {foretold{plan: another, changes: shown}, "s", func(r *Review) { r.Unbound = "x changes" }, "", another},
		"unbound, with more":       {foretold{plan: another, changes: more}, "s", func(r *Review) { r.Unbound = "x changes" }, "no review has shown", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			review := Review{Name: "a", StateDigest: "s", Deployed: true, Previewed: true, Plan: "plans/a.json", Changes: shown}
			if c.review != nil {
				c.review(&review)
			}
			d := &Deployer{Engine: c.engine, Log: slog.New(slog.DiscardHandler), Now: time.Now}
			p, remove, err := newDeployment(d, &run{deployer: d}, Bundle{Stacks: []Review{review}, plans: map[string][]byte{"plans/a.json": []byte(reviewed)}})
			require.NoError(t, err)
			defer remove()
			decided, err := p.decide(t.Context(), Stack{Name: "a"}, State{Exists: true, Deployed: true, Digest: c.state})
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				require.NoFileExists(t, p.planFile("a"))
				return
			}
			require.NoError(t, err)
			text, err := os.ReadFile(decided.plan)
			require.NoError(t, err)
			require.JSONEq(t, c.plan, string(text))
			require.Equal(t, p.planFile("a"), decided.plan)
		})
	}
}

package deploy

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
)

func exampleBundle() Bundle {
	return Bundle{
		Commit: commitA, Environment: "dev", Execution: "e-1", Account: "123456789012", ManifestDigest: "m", Digest: strings.Repeat("d", 64),
		Stacks: []Review{{Name: "b"}, {Name: "a"}},
	}
}

func TestBundleOfAnotherRunIsRefused(t *testing.T) {
	t.Parallel()
	settings := Settings{Commit: commitA, Environment: "dev", Execution: "e-1", Account: "123456789012", ReviewedDigest: exampleBundle().Digest}
	require.NoError(t, checkBundle(exampleBundle(), settings, "m", []string{"a", "b"}))
	for want, change := range map[string]func(*Bundle){
		"is of commit":             func(b *Bundle) { b.Commit = "c" },
		"is of environment":        func(b *Bundle) { b.Environment = "prod" },
		"is of account":            func(b *Bundle) { b.Account = "1" },
		"is of pipeline execution": func(b *Bundle) { b.Execution = "e-2" },
		"is not the one that was":  func(b *Bundle) { b.ManifestDigest = "n" },
		"is of the stacks":         func(b *Bundle) { b.Stacks = b.Stacks[1:] },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			b := exampleBundle()
			change(&b)
			err := checkBundle(b, settings, "m", []string{"a", "b"})
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "merge another change for a new review")
		})
	}
	shown := settings
	shown.ReviewedDigest = ""
	require.ErrorContains(t, checkBundle(exampleBundle(), shown, "m", []string{"a", "b"}), "environment variable DELIVERY_DIGEST is not set")
	shown.ReviewedDigest = strings.Repeat("e", 64)
	require.ErrorContains(t, checkBundle(exampleBundle(), shown, "m", []string{"a", "b"}), "the review that was shown has digest")
}

func TestTamperedBundleIsRefused(t *testing.T) {
	t.Parallel()
	for want, tamper := range map[string]func(t *testing.T, dir string){
		"it was changed after the review": replaceIn(bundleFile, `"environment": "dev"`, `"environment": "prod"`),
		"is not readable":                 replaceIn(bundleFile, `"environment"`, `"surprise"`),
		"file diff.md of the bundle is missing or is not what its content gives":     replaceIn(diffFile, "#", "##"),
		"file summary.txt of the bundle is missing or is not what its content gives": replaceIn(summaryFile, "no changes", "1 to create"),
		"file exports.sh of the bundle is missing or is not what its content gives":  replaceIn(exportsFile, "no changes", "1 to create"),
		"file plans/a.json of the bundle is missing or was changed":                  replaceIn("plans/a.json", "{}", "{ }"),
		"the bundle of the preview can't be read":                                    func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, bundleFile))) },
		"file plans/a.json of the bundle is missing or was changed after the rev":    func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, planFolder))) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, planFolder), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "plans", "a.json"), []byte("{}"), 0o600))
			b := exampleBundle()
			b.Stacks = []Review{{Name: "a", Previewed: true, Plan: "plans/a.json", PlanDigest: textDigest([]byte("{}"))}}
			require.NoError(t, b.write(dir))
			got, err := readBundle(dir)
			require.NoError(t, err)
			require.Equal(t, map[string][]byte{"plans/a.json": []byte("{}")}, got.plans)
			got.plans = nil
			require.Equal(t, b, got)
			tamper(t, dir)
			_, err = readBundle(dir)
			require.ErrorContains(t, err, want)
		})
	}
}

func replaceIn(name, from, to string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), from)
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600))
	}
}

func TestExportsFitAndAreNoCode(t *testing.T) {
	t.Parallel()
	b := exampleBundle()
	b.Summary = "it's " + strings.Repeat("x", 300)
	text := renderExports(b)
	require.Contains(t, text, `export DELIVERY_SUMMARY='it'\''s xxx`)
	value := strings.ReplaceAll(strings.SplitN(strings.SplitN(text, "='", 2)[1], "\nexport", 2)[0], `'\''`, "'")
	require.Len(t, strings.TrimSuffix(value, "'"), 200)
}

func TestFreshDiffIsHeldToTheReview(t *testing.T) {
	t.Parallel()
	create, update := Change{URN: "u::t::a", Op: opCreate}, Change{URN: "u::t::b", Op: opUpdate, Paths: []string{"size"}}
	outputs := Change{URN: "u::t::s", Op: opOutputs, Paths: []string{"x"}}
	for name, c := range map[string]struct {
		review   Review
		fresh    []Change
		want     string
		deployed bool
	}{
		"equal":                              {Review{Changes: []Change{create, update}}, []Change{create, update}, "", false},
		"more than reviewed":                 {Review{Changes: []Change{create}}, []Change{create, update}, "not reviewed: update b (size); no longer: nothing", false},
		"less than reviewed":                 {Review{Changes: []Change{create, update}}, []Change{create}, "not reviewed: nothing; no longer: update b (size)", false},
		"other paths":                        {Review{Changes: []Change{update}}, []Change{{URN: update.URN, Op: opUpdate, Paths: []string{"name"}}}, "not reviewed: update b (name)", false},
		"not bound, new stack":               {Review{Unbound: "x"}, []Change{create, outputs}, "", false},
		"not bound, new stack, updates":      {Review{Unbound: "x"}, []Change{update}, "what no review has shown (update b (size))", false},
		"not bound, deployed, creates":       {Review{Unbound: "x", Deployed: true}, []Change{create}, "what no review has shown (create a)", false},
		"not bound, deployed, outputs":       {Review{Unbound: "x", Deployed: true}, []Change{outputs}, "", false},
		"not bound, less":                    {Review{Unbound: "x", Deployed: true, Changes: []Change{update}}, nil, "", false},
		"not bound, deployed since, creates": {Review{Unbound: "x"}, []Change{create}, "what no review has shown (create a)", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkFresh(c.review, c.fresh, c.deployed)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// ledger is a Ledger in memory; as a Bus it counts.
type ledger struct {
	found     *contract.Deployment
	err       error
	recorded  []contract.Deployment
	published int
	refuse    error // what Publish answers
}

func (l *ledger) Record(_ context.Context, d contract.Deployment) error {
	l.recorded = append(l.recorded, d)
	return l.err
}

func (l *ledger) Find(context.Context, string, string) (contract.Deployment, bool, error) {
	if l.found == nil {
		return contract.Deployment{}, false, l.err
	}
	return *l.found, true, l.err
}

func (l *ledger) Publish(context.Context, contract.Deployment) error {
	l.published++
	return l.refuse
}

func TestPromotionIsRefusedWithoutARecordedSuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ledger ledger
		want   string
	}{
		"never deployed": {ledger{}, "commit " + commitA + " was never deployed to staging: prod takes only what staging has deployed"},
		"failed":         {ledger{found: &contract.Deployment{Environment: "staging", Commit: commitA, Outcome: "failed", Execution: "e"}}, "has failed and not succeeded (execution e): repair staging first"},
		"other commit":   {ledger{found: &contract.Deployment{Environment: "staging", Commit: "c", Outcome: "succeeded"}}, "it can't be trusted"},
		"unreadable":     {ledger{err: errors.New("AccessDenied")}, "can't be read from the ledger (AccessDenied)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &Deployer{Settings: Settings{Environment: "prod", Requires: "staging", Commit: commitA}, Ledger: &c.ledger, Bus: &c.ledger, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
			_, err := d.Preview(t.Context())
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestOutcomeThatCannotBeRecordedOrMadeKnownIsAFailure(t *testing.T) {
	t.Parallel()
	deploy := func(l *ledger) error {
		d := &Deployer{Settings: Settings{Environment: "dev", Commit: commitA}, Ledger: l, Bus: l, Now: time.Now, BundleDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
		return d.Deploy(t.Context())
	}
	l := &ledger{}
	require.ErrorContains(t, deploy(l), "the bundle of the preview can't be read")
	require.Equal(t, contract.Failed, l.recorded[0].Outcome)
	require.Equal(t, 1, l.published, "failures are published too")

	l = &ledger{err: errors.New("no bucket")}
	require.ErrorContains(t, deploy(l), "can't be recorded in the ledger (no bucket)")
	require.Zero(t, l.published, "what is not recorded is not published")

	require.ErrorContains(t, deploy(&ledger{refuse: errors.New("no bus")}), "is recorded but can't be published (no bus)")
}

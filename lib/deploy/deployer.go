package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"delivery.internal/lib/contract"
)

// Ledger is the record of deployments.
type Ledger interface {
	// Record writes the newest deployment of a commit to an environment.
	Record(ctx context.Context, d contract.Deployment) error
	// Find reads it; false means that there is none.
	Find(ctx context.Context, environment, commit string) (contract.Deployment, bool, error)
}

// Bus is where deployments are published.
type Bus interface {
	// Publish emits the event of a deployment.
	Publish(ctx context.Context, d contract.Deployment) error
}

// Deployer previews and deploys the stacks of a repository.
type Deployer struct {
	Settings Settings
	Engine   Engine
	Ledger   Ledger
	Bus      Bus
	Log      *slog.Logger
	Now      func() time.Time
	// Source is the folder of the repository.
	Source string
	// BundleDir is the folder of the bundle.
	BundleDir string
}

// parallel is how many stacks run at once. Each runs an engine, and perhaps a
// compiler: the build has 8 processors (BUILD_GENERAL1_LARGE).
const parallel = 4

// run is one execution of either command: the repository at work.
type run struct {
	deployer *Deployer
	manifest Manifest
	work     *workspace
	states   map[string]State
	needs    map[string][]string // from the manifest and the states
	waves    [][]string
}

// begin reads the repository and the state of every stack, and orders them.
func (d *Deployer) begin(ctx context.Context) (*run, func(), error) {
	if err := d.checkPromotion(ctx); err != nil {
		return nil, nil, err
	}
	m, err := ReadManifest(d.Source)
	if err != nil {
		return nil, nil, err
	}
	work, done, err := open(d.Source, m, d.Settings)
	if err != nil {
		return nil, nil, err
	}
	r := &run{deployer: d, manifest: m, work: work, states: map[string]State{}}
	if err := r.look(ctx); err != nil {
		done()
		return nil, nil, err
	}
	return r, done, nil
}

// checkPromotion refuses a commit that the environment before has not deployed.
func (d *Deployer) checkPromotion(ctx context.Context) error {
	s := d.Settings
	if s.Requires == "" {
		return nil
	}
	before, found, err := d.Ledger.Find(ctx, s.Requires, s.Commit)
	switch {
	case err != nil:
		return fmt.Errorf("whether %s has deployed commit %s can't be read from the ledger (%w): %s takes only what %s has deployed", s.Requires, s.Commit, err, s.Environment, s.Requires)
	case !found:
		return fmt.Errorf("commit %s was never deployed to %s: %s takes only what %s has deployed; let its pipeline finish first", s.Commit, s.Requires, s.Environment, s.Requires)
	case before.Environment != s.Requires || before.Commit != s.Commit:
		return fmt.Errorf("the ledger's record of commit %s in %s speaks of commit %s in %s: it can't be trusted; look at the ledger bucket", s.Commit, s.Requires, before.Commit, before.Environment)
	case before.Outcome != contract.Succeeded:
		return fmt.Errorf("the deployment of commit %s to %s has %s and not %s (execution %s): repair %s first", s.Commit, s.Requires, before.Outcome, contract.Succeeded, before.Execution, s.Requires)
	}
	return nil
}

// look reads every state; their StackReferences are dependencies too.
func (r *run) look(ctx context.Context) error {
	states := make([]State, len(r.manifest.Stacks))
	err := r.each(names(r.manifest), func(i int, name string) (err error) {
		states[i], err = r.deployer.Engine.State(ctx, r.work.stacks[name])
		return err
	})
	if err != nil {
		return err
	}
	found, removed := map[string][]string{}, map[string]bool{}
	for i, e := range r.manifest.Stacks {
		r.states[e.Name], removed[e.Name] = states[i], e.Remove
		for _, reference := range states[i].References {
			if upstream, ours := r.work.byProject(reference); ours && upstream != e.Name {
				found[e.Name] = append(found[e.Name], upstream)
			}
		}
	}
	r.needs = r.manifest.edges(found)
	r.waves, err = order(r.needs, removed)
	return err
}

func names(m Manifest) []string {
	var out []string
	for _, e := range m.Stacks {
		out = append(out, e.Name)
	}
	return out
}

// each runs f for every name in parallel and joins all errors: one stack's
// failure does not interrupt another in the middle of its steps.
func (r *run) each(names []string, f func(i int, name string) error) error {
	var g errgroup.Group
	g.SetLimit(parallel)
	errs := make([]error, len(names))
	for i, name := range names {
		g.Go(func() error {
			if err := f(i, name); err != nil {
				errs[i] = fmt.Errorf("stack %s: %w", name, err)
				r.deployer.Log.Error("stack failed", "stack", name, "environment", r.deployer.Settings.Environment, "execution", r.deployer.Settings.Execution, "error", err.Error())
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs, all of them
	return errors.Join(errs...)
}

// Preview reviews every stack and writes the bundle.
func (d *Deployer) Preview(ctx context.Context) (Bundle, error) {
	r, done, err := d.begin(ctx)
	if err != nil {
		return Bundle{}, err
	}
	defer done()
	// Before any program runs that could change it.
	source, err := readSource(d.Source)
	if err != nil {
		return Bundle{}, err
	}
	plans := filepath.Join(d.BundleDir, planFolder)
	if err := errors.Join(os.RemoveAll(plans), os.MkdirAll(plans, 0o755)); err != nil {
		return Bundle{}, err
	}
	reviews := map[string]Review{}
	for _, wave := range r.waves {
		out := make([]Review, len(wave))
		if err := r.each(wave, func(i int, name string) (err error) {
			out[i], err = r.review(ctx, r.work.stacks[name], reviews)
			return err
		}); err != nil {
			return Bundle{}, err
		}
		for _, review := range out {
			reviews[review.Name] = review
		}
	}
	b, err := r.newBundle(reviews)
	if err != nil {
		return Bundle{}, err
	}
	b.source, b.Reviewed = source, d.Now().UTC().Format(time.RFC3339)
	return b, b.write(d.BundleDir)
}

// newBundle is the bundle of the reviews, without what is made of its content.
func (r *run) newBundle(reviews map[string]Review) (Bundle, error) {
	s := r.deployer.Settings
	manifest, err := digestOf(r.manifest)
	b := Bundle{
		Commit: s.Commit, Environment: s.Environment, Execution: s.Execution, Account: s.Account,
		Session: Session{Role: s.Role, Name: s.SessionName()}, ManifestDigest: manifest,
	}
	for _, wave := range r.waves {
		for _, name := range wave {
			b.Stacks = append(b.Stacks, reviews[name])
		}
	}
	return b, err
}

// review previews one stack. The reviews of what it needs are known.
func (r *run) review(ctx context.Context, s Stack, known map[string]Review) (Review, error) {
	state := r.states[s.Name]
	out := Review{
		Name: s.Name, Project: s.Project, Path: r.path(s.Name), Remove: s.Remove, DependsOn: r.needs[s.Name],
		ConfigDigest: s.ConfigDigest, StateDigest: state.Digest, Deployed: state.Deployed, Changes: []Change{}, Details: []Detail{},
	}
	if err := checkPending(s, state); err != nil {
		return out, err
	}
	if s.Remove && !state.Deployed {
		out.Previewed = true // nothing is there to be removed
		return out, nil
	}
	var waits bool
	if out.Unbound, waits = r.unbound(s, known); waits {
		return out, nil
	}
	if !state.Exists {
		if err := r.deployer.Engine.Init(ctx, s); err != nil {
			return out, err
		}
		var err error
		if state, err = r.deployer.Engine.State(ctx, s); err != nil {
			return out, err
		}
		out.StateDigest = state.Digest
	}
	file := filepath.Join(planFolder, s.Name+".json")
	p, err := r.deployer.Engine.Preview(ctx, s, state, filepath.Join(r.deployer.BundleDir, file))
	if err != nil && !out.Binding() {
		return out, fmt.Errorf("%w (%s: what reads an output that is new in this run can only be previewed when it is there; deliver the two in changes of their own)", err, out.Unbound)
	}
	if err != nil {
		return out, err
	}
	out.Previewed, out.Changes, out.Details = true, append(out.Changes, p.Changes...), append(out.Details, p.Details...)
	out.Broadened = p.Broadened
	if !s.Remove && out.Binding() {
		plan, err := os.ReadFile(filepath.Join(r.deployer.BundleDir, file))
		if err != nil {
			return out, err
		}
		out.Plan, out.PlanDigest = filepath.ToSlash(file), textDigest(plan)
	}
	r.deployer.Log.Info("previewed", "stack", s.Name, "environment", s.Environment, "execution", r.deployer.Settings.Execution, "changes", len(out.Changes), "binding", out.Binding())
	return out, nil
}

// unbound says why a review of a stack can't bind its deployment: something
// that it reads changes first. waits is true when it can't even be previewed,
// because what it reads was never deployed.
func (r *run) unbound(s Stack, known map[string]Review) (reason string, waits bool) {
	if s.Remove {
		return "", false
	}
	for _, upstream := range r.needs[s.Name] {
		u, seen := known[upstream]
		switch {
		case !seen || u.Remove:
			// Removals come after all deployments.
		case !u.Deployed:
			return fmt.Sprintf("%s, which it depends on, was never deployed", upstream), true
		case len(u.Changes) > 0 || !u.Binding():
			reason = fmt.Sprintf("%s, which it depends on, changes in this run", upstream)
		}
	}
	return reason, false
}

func (r *run) path(name string) string {
	i := slices.IndexFunc(r.manifest.Stacks, func(e Entry) bool { return e.Name == name })
	return r.manifest.Stacks[i].Path
}

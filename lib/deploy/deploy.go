package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"delivery/lib/delivery"
)

// recordPatience is how long recording may take once a run has ended, also
// when it ended because the build is being stopped.
const recordPatience = time.Minute

// Deploy carries out the bundle, records the outcome in the ledger and makes
// it known on the bus. A refusal is recorded as a failure too.
func (d *Deployer) Deploy(ctx context.Context) error {
	b, err := d.deploy(ctx)
	record := delivery.Deployment{
		Environment: d.Settings.Environment, Outcome: delivery.Succeeded, Commit: d.Settings.Commit,
		Execution: d.Settings.Execution, Pipeline: d.Settings.Pipeline, Delivery: d.Settings.Delivery, Pusher: d.Settings.Pusher,
		Digest: b.Digest, Summary: b.Summary, Time: d.Now().UTC().Format(time.RFC3339),
	}
	if err != nil {
		record.Outcome = delivery.Failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	return errors.Join(err, d.record(ctx, record))
}

// record writes the ledger before it publishes the event: who reacts to the
// event must find the record.
func (d *Deployer) record(ctx context.Context, record delivery.Deployment) error {
	log := d.Log.With("environment", record.Environment, "commit", record.Commit, "execution", record.Execution, "outcome", record.Outcome)
	if err := d.Ledger.Record(ctx, record); err != nil {
		return fmt.Errorf("the deployment of commit %s to %s has %s but can't be recorded in the ledger (%w): nothing later accepts it; merge another change when the ledger bucket can be written", record.Commit, record.Environment, record.Outcome, err)
	}
	if err := d.Bus.Publish(ctx, record); err != nil {
		return fmt.Errorf("the deployment of commit %s to %s has %s and is recorded but can't be made known (%w): what waits for it does not start; merge another change when the event bus can be reached", record.Commit, record.Environment, record.Outcome, err)
	}
	log.Info("deployment recorded")
	return nil
}

// deployment is a run that carries out a bundle.
type deployment struct {
	*run
	reviews map[string]Review
	bundle  Bundle
	plans   string // folder of plans that this run may execute
}

func (d *Deployer) deploy(ctx context.Context) (Bundle, error) {
	b, err := readBundle(d.Bundle)
	if err != nil {
		return Bundle{}, err
	}
	r, done, err := d.begin(ctx)
	if err != nil {
		return b, err
	}
	defer done()
	manifest, err := digestOf(r.manifest)
	if err != nil {
		return b, err
	}
	if err := checkBundle(b, d.Settings, manifest, names(r.manifest)); err != nil {
		return b, err
	}
	plans, err := os.MkdirTemp("", "delivery-plans-")
	if err != nil {
		return b, err
	}
	defer os.RemoveAll(plans)
	p := &deployment{run: r, reviews: map[string]Review{}, bundle: b, plans: plans}
	for _, review := range b.Stacks {
		p.reviews[review.Name] = review
	}
	// Everything that can be refused is refused before anything is changed.
	if err := r.each(slices.Concat(r.waves...), func(_ int, name string) error { return p.verify(ctx, name) }); err != nil {
		return b, err
	}
	for _, wave := range r.waves {
		if err := ctx.Err(); err != nil {
			return b, fmt.Errorf("interrupted before the stacks %v: %w; what was deployed is complete, merge another change to go on", wave, err)
		}
		if err := r.each(wave, func(_ int, name string) error { return p.apply(ctx, name) }); err != nil {
			return b, err
		}
	}
	return b, nil
}

// verify holds a stack to its review. A review that does not bind can only be
// compared when what the stack depends on has been deployed; see apply.
func (p *deployment) verify(ctx context.Context, name string) error {
	s, state, review := p.work.stacks[name], p.states[name], p.reviews[name]
	if err := checkStack(s, state, review); err != nil {
		return err
	}
	if !review.Binding() || p.nothing(s, state) {
		return nil
	}
	fresh, err := p.Engine.Preview(ctx, s, state, p.planFile(name))
	if err != nil {
		return err
	}
	return checkFresh(review, fresh.Changes)
}

// nothing says that a stack to be removed has nothing left.
func (p *deployment) nothing(s Stack, state State) bool { return s.Remove && !state.Deployed }

// apply deploys one stack. Its state is read again, because the stacks of
// earlier waves took their time.
func (p *deployment) apply(ctx context.Context, name string) error {
	s, review := p.work.stacks[name], p.reviews[name]
	state, err := p.Engine.State(ctx, s)
	if err != nil {
		return err
	}
	if err := checkStack(s, state, review); err != nil {
		return err
	}
	log := p.Log.With("stack", name, "environment", s.Environment, "commit", p.Settings.Commit, "execution", p.Settings.Execution)
	if s.Remove && !state.Exists {
		log.Info("nothing left to remove")
		return nil
	}
	switch {
	case s.Remove:
		err = p.checkUnused(ctx, s)
	case review.Binding():
		err = p.reviewedPlan(review)
	default:
		state, err = p.freshPlan(ctx, s, state, review)
	}
	if err != nil {
		return err
	}
	started := p.Now()
	log.Info("deploying", "changes", len(review.Changes), "remove", s.Remove)
	if err := p.Engine.Apply(ctx, s, state, p.planFile(name)); err != nil {
		return err
	}
	log.Info("deployed", "seconds", int(p.Now().Sub(started).Seconds()))
	return nil
}

func (p *deployment) planFile(name string) string { return filepath.Join(p.plans, name+".json") }

// reviewedPlan puts the plan of the review in place, for this run's session.
func (p *deployment) reviewedPlan(review Review) error {
	text, err := os.ReadFile(filepath.Join(p.Bundle, filepath.FromSlash(review.Plan)))
	if err != nil {
		return fmt.Errorf("the reviewed plan can't be read (%w): %s", err, again)
	}
	text, err = rewritePlan(text, p.bundle.Session, Session{Role: p.Settings.Role, Name: p.Settings.SessionName()})
	if err != nil {
		return err
	}
	return os.WriteFile(p.planFile(review.Name), text, 0o600)
}

// freshPlan previews a stack whose review could not bind, now that what it
// depends on is deployed, and refuses what the review has not shown.
func (p *deployment) freshPlan(ctx context.Context, s Stack, state State, review Review) (State, error) {
	if !state.Exists {
		if err := p.Engine.Init(ctx, s); err != nil {
			return state, err
		}
		var err error
		if state, err = p.Engine.State(ctx, s); err != nil {
			return state, err
		}
	}
	fresh, err := p.Engine.Preview(ctx, s, state, p.planFile(s.Name))
	if err != nil {
		return state, err
	}
	if err := checkFresh(review, fresh.Changes); err != nil {
		return state, err
	}
	p.Log.Info("previewed again", "stack", s.Name, "environment", s.Environment, "changes", len(fresh.Changes), "diff", describe(fresh.Changes))
	return state, nil
}

// checkUnused refuses to remove a stack whose outputs another one still reads.
func (p *deployment) checkUnused(ctx context.Context, s Stack) error {
	for _, name := range names(p.manifest) {
		other := p.work.stacks[name]
		if other.Remove {
			continue
		}
		state, err := p.Engine.State(ctx, other)
		if err != nil {
			return err
		}
		if slices.Contains(state.References, s.FullName()) {
			return fmt.Errorf("it is to be removed but stack %s still reads its outputs: remove the StackReference from %s first", name, name)
		}
	}
	return nil
}

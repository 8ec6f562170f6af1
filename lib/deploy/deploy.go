package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"delivery.internal/lib/contract"
)

// recordPatience is how long recording may take once a run has ended, also
// when it ended because the build is being stopped.
const recordPatience = time.Minute

// Deploy carries out the bundle, records the outcome in the ledger and
// publishes it on the bus. A refusal is recorded as a failure too.
func (d *Deployer) Deploy(ctx context.Context) error {
	b, err := d.deploy(ctx)
	record := contract.Deployment{
		Environment: d.Settings.Environment, Outcome: contract.Succeeded, Commit: d.Settings.Commit,
		Execution: d.Settings.Execution, Pipeline: d.Settings.Pipeline, Delivery: d.Settings.Delivery, Pusher: d.Settings.Pusher,
		Digest: b.Digest, Summary: b.Summary, Time: d.Now().UTC().Format(time.RFC3339),
	}
	if err != nil {
		record.Outcome = contract.Failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	return errors.Join(err, d.record(ctx, record))
}

// record writes the ledger before it publishes the event: who reacts to the
// event must find the record.
func (d *Deployer) record(ctx context.Context, record contract.Deployment) error {
	log := d.Log.With("environment", record.Environment, "commit", record.Commit, "execution", record.Execution, "outcome", record.Outcome)
	if err := d.Ledger.Record(ctx, record); err != nil {
		return fmt.Errorf("the deployment of commit %s to %s has %s but can't be recorded in the ledger (%w): nothing later accepts it; merge another change when the ledger bucket can be written", record.Commit, record.Environment, record.Outcome, err)
	}
	if err := d.Bus.Publish(ctx, record); err != nil {
		return fmt.Errorf("the deployment of commit %s to %s has %s and is recorded but can't be published (%w): what waits for it does not start; merge another change when the event bus can be reached", record.Commit, record.Environment, record.Outcome, err)
	}
	log.Info("deployment recorded")
	return nil
}

// deployment is a run that carries out a bundle.
type deployment struct {
	deployer *Deployer
	run      *run
	bundle   Bundle
	reviews  map[string]Review // of the bundle, by stack
	plans    string            // folder of plans that this run may carry out
	compared string            // folder of plans that are only compared with the reviewed ones
	decided  map[string]*decision
}

// decision is what is to be done to a stack. It holds for one state only.
type decision struct {
	state State
	plan  string // file to carry out; a removal has none
	idle  bool   // nothing is to be done
}

func (d *Deployer) deploy(ctx context.Context) (Bundle, error) {
	b, err := readBundle(d.BundleDir)
	if err != nil {
		return Bundle{}, err
	}
	source, err := readSource(d.Source)
	if err != nil {
		return b, err
	}
	if err := checkSource(b.SourceDigest, b.source, source); err != nil {
		return b, err
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
	p, remove, err := newDeployment(d, r, b)
	if err != nil {
		return b, err
	}
	defer remove()
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

// newDeployment makes the folders of a deployment; remove removes them. A plan
// that is only compared never stands where one to be carried out would.
func newDeployment(d *Deployer, r *run, b Bundle) (p *deployment, remove func(), err error) {
	dir, err := os.MkdirTemp("", "delivery-plans-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // a leftover in the temporary folder harms nobody
	p = &deployment{deployer: d, run: r, bundle: b, reviews: map[string]Review{}, decided: map[string]*decision{},
		plans: filepath.Join(dir, "plans"), compared: filepath.Join(dir, "compared")}
	if err := errors.Join(os.Mkdir(p.plans, 0o700), os.Mkdir(p.compared, 0o700)); err != nil {
		remove()
		return nil, nil, err
	}
	for _, review := range b.Stacks {
		p.reviews[review.Name], p.decided[review.Name] = review, &decision{}
	}
	return p, remove, nil
}

// verify holds a stack to its review, and the review to a new preview of what
// is still as it was. A review that does not bind is compared once more when
// what the stack depends on has been deployed; see apply.
func (p *deployment) verify(ctx context.Context, name string) (err error) {
	s, state, review := p.run.work.stacks[name], p.run.states[name], p.reviews[name]
	if err := errors.Join(checkPending(s, state), checkStack(s, review)); err != nil {
		return err
	}
	if err := p.checkDerived(s, state, review); err != nil {
		return err
	}
	if review.Binding() {
		*p.decided[name], err = p.decide(ctx, s, state)
		return err
	}
	if !review.Previewed || state.Digest != review.StateDigest {
		return nil
	}
	plan := p.comparedFile(name)
	fresh, err := p.deployer.Engine.Preview(ctx, s, state, plan)
	if err != nil {
		return err
	}
	return p.checkShown(review, fresh, plan)
}

// decide says what is to be done to a stack in a state, and refuses what its
// review has not shown.
func (p *deployment) decide(ctx context.Context, s Stack, state State) (decision, error) {
	review, d := p.reviews[s.Name], decision{state: state}
	moved := state.Digest != review.StateDigest
	if err := checkPending(s, state); err != nil {
		return d, err
	}
	switch {
	case s.Remove && !state.Deployed:
		d.idle = !state.Exists // an empty one has to go
		return d, nil
	case !review.Binding():
		return p.freshPlan(ctx, s, state)
	case !state.Exists:
		return d, fmt.Errorf("it was removed since its review: %s", again)
	}
	plan := p.comparedFile(s.Name)
	fresh, err := p.deployer.Engine.Preview(ctx, s, state, plan)
	if err != nil {
		return d, err
	}
	d.idle = fresh.Idle
	if moved {
		err = p.checkMoved(ctx, s, state, fresh, plan)
	} else {
		err = p.checkShown(review, fresh, plan)
	}
	if err != nil || s.Remove || d.idle {
		return d, err
	}
	d.plan = p.planFile(s.Name)
	if moved {
		return d, os.Rename(plan, d.plan)
	}
	return d, p.writeReviewedPlan(review, d.plan)
}

// checkMoved compares what would happen in another state than the reviewed one
// with what was shown, value by value. The fresh plan is carried out when it
// has nothing that is new to who approved.
func (p *deployment) checkMoved(ctx context.Context, s Stack, state State, fresh Proposal, plan string) error {
	review := p.reviews[s.Name]
	more := append(beyondNames(fresh.Changes, review.Changes, s.Remove), unshownDetails(fresh.Details, review.Details)...)
	if !s.Remove {
		now, err := os.ReadFile(plan)
		if err != nil {
			return err
		}
		values, err := unshown(now, p.bundle.plans[review.Plan], p.deployer.Engine.Opener(ctx, state))
		if err != nil {
			return err
		}
		more = append(values, more...)
	}
	if len(more) > 0 {
		return fmt.Errorf("its state is no longer the reviewed one, it was written %s, and what would happen now was not shown (%s): %s",
			p.deployer.Engine.Writer(ctx, s, state), located(more), again)
	}
	if err := checkBroadened(review, fresh.Broadened); err != nil {
		return err
	}
	p.deployer.Log.Info("the state has moved since the review, and what is left to do was shown", "stack", s.Name, "environment", s.Environment,
		"execution", p.deployer.Settings.Execution, "changes", len(fresh.Changes), "diff", describe(fresh.Changes))
	return nil
}

// maxLooks is how often a stack is looked at anew because others deployed it
// while this run waited for its lock.
const maxLooks = 10

// apply deploys one stack. Its state is read again, because the stacks of
// earlier waves took their time: a decision that was made on another state is
// made anew.
func (p *deployment) apply(ctx context.Context, name string) error {
	s, d := p.run.work.stacks[name], p.decided[name]
	for range maxLooks {
		state, err := p.deployer.Engine.State(ctx, s)
		if err != nil {
			return err
		}
		if d.state.Digest != state.Digest {
			if *d, err = p.decide(ctx, s, state); err != nil {
				return err
			}
		}
		if err = p.carryOut(ctx, s, *d); !errors.Is(err, errMoved) {
			return err
		}
		p.deployer.Log.Info("the state has moved while waiting for the lock: looking again", "stack", name, "environment", s.Environment, "execution", p.deployer.Settings.Execution)
	}
	return fmt.Errorf("%d other runs have deployed it while this one waited for its lock: wait until they are done, then retry the stage", maxLooks)
}

func (p *deployment) carryOut(ctx context.Context, s Stack, d decision) error {
	log := p.deployer.Log.With("stack", s.Name, "environment", s.Environment, "commit", p.deployer.Settings.Commit, "execution", p.deployer.Settings.Execution)
	if d.idle {
		log.Info("nothing to do, the stack is left alone")
		return nil
	}
	if s.Remove {
		if err := p.checkUnused(ctx, s); err != nil {
			return err
		}
	}
	started := p.deployer.Now()
	log.Info("deploying", "remove", s.Remove)
	if err := p.deployer.Engine.Apply(ctx, s, d.state, d.plan); err != nil {
		return err
	}
	log.Info("deployed", "seconds", int(p.deployer.Now().Sub(started).Seconds()))
	return nil
}

func (p *deployment) planFile(name string) string     { return filepath.Join(p.plans, name+".json") }
func (p *deployment) comparedFile(name string) string { return filepath.Join(p.compared, name+".json") }

// writeReviewedPlan writes the plan of the review, for this run's session.
func (p *deployment) writeReviewedPlan(review Review, file string) error {
	text, err := rewritePlan(p.bundle.plans[review.Plan], p.bundle.Session, Session{Role: p.deployer.Settings.Role, Name: p.deployer.Settings.SessionName()})
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// freshPlan previews a stack whose review could not bind, now that what it
// depends on is deployed, and refuses what the review has not shown.
func (p *deployment) freshPlan(ctx context.Context, s Stack, state State) (decision, error) {
	d := decision{state: state}
	if !state.Exists {
		if err := p.deployer.Engine.Init(ctx, s); err != nil {
			return d, err
		}
		var err error
		if d.state, err = p.deployer.Engine.State(ctx, s); err != nil {
			return d, err
		}
	}
	plan := p.comparedFile(s.Name)
	fresh, err := p.deployer.Engine.Preview(ctx, s, d.state, plan)
	if err != nil {
		return d, err
	}
	if err := checkFresh(p.reviews[s.Name], fresh.Changes, state.Deployed); err != nil {
		return d, err
	}
	if review := p.reviews[s.Name]; review.Previewed {
		if err := checkBroadened(review, fresh.Broadened); err != nil {
			return d, err
		}
	}
	d.idle, d.plan = fresh.Idle, p.planFile(s.Name)
	p.deployer.Log.Info("previewed again", "stack", s.Name, "environment", s.Environment, "changes", len(fresh.Changes), "diff", describe(fresh.Changes))
	return d, os.Rename(plan, d.plan)
}

// checkUnused refuses to remove a stack whose outputs another one still reads.
func (p *deployment) checkUnused(ctx context.Context, s Stack) error {
	for _, name := range names(p.run.manifest) {
		other := p.run.work.stacks[name]
		if other.Remove {
			continue
		}
		state, err := p.deployer.Engine.State(ctx, other)
		if err != nil {
			return err
		}
		if slices.Contains(state.References, s.FullName()) {
			return fmt.Errorf("it is to be removed but stack %s still reads its outputs: remove the StackReference from %s first", name, name)
		}
	}
	return nil
}

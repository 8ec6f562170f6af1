package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"delivery.internal/lib/pulumicli"
)

// CLI is the Engine over the pulumi command.
type CLI struct {
	// Pulumi is the path of the command.
	Pulumi string
	// Env is the command's whole environment, without what the deployer sets.
	Env []string
	// Hosts is the folder that NewHosts made.
	Hosts string
	// Backend is the URL of the state backend.
	Backend string
	// SecretsProvider is the URL with which new stacks are made.
	SecretsProvider string
	// Retry is how often and how long to try.
	Retry Retry
	// Message is what the history of a stack keeps of an update: who it was.
	Message string
	// Objects are the backend's: locks, and traces of stacks.
	Objects Objects
	// Keys opens the stacks' data keys, to compare secrets of plans.
	Keys Keys
	// Out gets what the command says.
	Out io.Writer
	// Log gets what the deployer does.
	Log *slog.Logger

	mu sync.Mutex
}

var _ Engine = (*CLI)(nil)

// State implements Engine. It waits while another run holds the stack.
func (c *CLI) State(ctx context.Context, s Stack) (State, error) {
	var state State
	err := c.Retry.run(ctx, func(bool) (err error) {
		state, err = c.settled(ctx, s)
		return err
	})
	return state, err
}

// settled reads the state of a stack that no run holds. Pending operations and
// a missing checkpoint are what a run in the middle of its work shows too, and
// one may have begun between the two looks: they are believed when they are
// seen again and nobody holds the stack before, between and after.
func (c *CLI) settled(ctx context.Context, s Stack) (State, error) {
	if err := c.unlocked(ctx, s); err != nil {
		return State{}, err
	}
	state, err := c.look(ctx, s)
	var lost *LostError
	if len(state.Pending) == 0 && !errors.As(err, &lost) {
		return state, err
	}
	if err := c.unlocked(ctx, s); err != nil {
		return State{}, err
	}
	state, err = c.look(ctx, s)
	if held := c.unlocked(ctx, s); held != nil {
		return State{}, held
	}
	return state, err
}

// look reads the state once.
func (c *CLI) look(ctx context.Context, s Stack) (State, error) {
	out, err := c.once(ctx, s, io.Discard, "", "stack", "export")
	if classOf(err) == pulumicli.NoStack {
		return noState(), c.lost(ctx, s)
	}
	if err != nil {
		return State{}, err
	}
	return parseState([]byte(out.Stdout))
}

// Init implements Engine.
func (c *CLI) Init(ctx context.Context, s Stack) error {
	return c.Retry.run(ctx, func(bool) error {
		_, err := c.once(ctx, s, c.Out, "", "stack", "init", "--no-select", "--secrets-provider", c.SecretsProvider)
		var f *Failure
		// After a fault the first try may have made it all the same.
		if errors.As(err, &f) && strings.Contains(f.Text, "already exists") {
			return nil
		}
		return err
	})
}

// Preview implements Engine.
func (c *CLI) Preview(ctx context.Context, s Stack, state State, planFile string) (Proposal, error) {
	args := []string{"preview", "--diff", "--save-plan", planFile}
	if s.Remove {
		// The state holds the last deployment's role and session; only
		// running the program gives the provider this run's (measured).
		args = []string{"destroy", "--preview-only", "--run-program", "--diff"}
	}
	_, log, err := c.engine(ctx, s, state, args, false)
	if err != nil {
		return Proposal{}, err
	}
	var p Proposal
	if p.Details, err = details(log); err != nil {
		return p, err
	}
	events, err := pulumicli.Events(log)
	if err != nil {
		return p, err
	}
	p.Broadened = broadened(pulumicli.Steps(events))
	if s.Remove {
		p.Changes, err = normalise(log)
		return p, err
	}
	saved, err := os.ReadFile(planFile)
	if err != nil {
		return p, fmt.Errorf("the CLI saved no plan: %w", err)
	}
	err = p.read(log, saved, state)
	return p, err
}

// read takes the changes from an event log and the plan that was saved with it.
func (p *Proposal) read(log, saved []byte, state State) error {
	events, err := pulumicli.Events(log)
	if err != nil {
		return err
	}
	plan, err := parsePlan(saved)
	if err != nil {
		return err
	}
	all := pulumicli.Steps(events)
	p.Changes = sorted(slices.Concat(visible(all), outputChanges(plan), optionChanges(all, plan, state)))
	p.Idle = len(p.Changes) == 0 && idle(all, plan, state)
	return nil
}

// Apply implements Engine.
func (c *CLI) Apply(ctx context.Context, s Stack, state State, planFile string) error {
	if !s.Remove {
		_, _, err := c.engine(ctx, s, state, []string{"up", "--yes", "--skip-preview", "--message", c.Message, "--plan", planFile}, true)
		return err
	}
	if state.Deployed {
		if _, _, err := c.engine(ctx, s, state, []string{"destroy", "--yes", "--skip-preview", "--message", c.Message, "--run-program"}, true); err != nil {
			return err
		}
	}
	return c.removeStack(ctx, s)
}

// removeStack removes an empty stack from the backend with its history and its
// backups, so that what remains in the state bucket is what is deployed, and a
// stack whose checkpoint is missing can be told from one that was removed.
func (c *CLI) removeStack(ctx context.Context, s Stack) error {
	return c.Retry.run(ctx, func(bool) error {
		_, err := c.once(ctx, s, c.Out, "", "stack", "rm", "--yes", "--preserve-config", "--remove-backups")
		if err != nil && classOf(err) != pulumicli.NoStack { // after a fault the first try may have done it
			return err
		}
		// The CLI succeeds also when it could not delete the object.
		left, err := c.look(ctx, s)
		var lost *LostError
		if errors.As(err, &lost) {
			return c.sweep(ctx, s)
		}
		if err == nil && left.Exists {
			err = errors.New("its resources are destroyed but its empty state could not be removed from the state bucket: the build role may not delete objects there; deploy the environment project again, then merge another change")
		}
		return err
	})
}

// engine runs a command that runs the program. A command that changes things
// is repeated only if no step had begun, and only on the state that it was
// meant for: who held the lock may have changed it, and a plan does not notice.
func (c *CLI) engine(ctx context.Context, s Stack, state State, args []string, changes bool) (out pulumicli.Outcome, log []byte, err error) {
	if err := errors.Join(c.checkHost(s), c.useSecrets(s, state)); err != nil {
		return pulumicli.Outcome{}, nil, err
	}
	dir, err := os.MkdirTemp("", "delivery-events-")
	if err != nil {
		return pulumicli.Outcome{}, nil, err
	}
	defer os.RemoveAll(dir)
	events := filepath.Join(dir, "events.json")
	logged := ""
	if changes {
		logged = events
	}
	err = c.Retry.run(ctx, func(again bool) (err error) {
		if again && changes {
			if err := c.unmoved(ctx, s, state); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(events); err != nil {
			return err
		}
		out, err = c.once(ctx, s, c.Out, logged, append(args, "--event-log", events)...)
		return err
	})
	if err != nil {
		return out, nil, err
	}
	log, err = os.ReadFile(events)
	return out, log, err
}

// unmoved refuses to repeat a command on another state than the first time.
func (c *CLI) unmoved(ctx context.Context, s Stack, state State) error {
	now, err := c.look(ctx, s)
	if err == nil && now.Digest != state.Digest {
		err = errMoved
	}
	return err
}

// errMoved says that a command was not repeated, because the state is no longer
// the one that it was meant for.
var errMoved = errors.New("its state has changed while this run waited for the lock")

// useSecrets refuses a stack whose secrets are not of this environment's key.
func (c *CLI) useSecrets(s Stack, state State) error {
	if state.Exists && state.Secrets.URL != c.SecretsProvider {
		return fmt.Errorf("its secrets are encrypted with %q and not with %q, the environment's key: move them with: pulumi stack change-secrets-provider", state.Secrets.URL, c.SecretsProvider)
	}
	return withSecrets(s.Config, state.Secrets)
}

// once runs the command once. With an events file, a failure says whether a
// step had begun.
func (c *CLI) once(ctx context.Context, s Stack, to io.Writer, events string, args ...string) (pulumicli.Outcome, error) {
	stdout, stderr := pulumicli.NewLines(&c.mu, to, "["+s.Name+"] ")
	out := pulumicli.CLI{Path: c.Pulumi}.Run(ctx, pulumicli.Call{
		Args: append(slices.Clone(args), "--color", "never"), Stack: s.FullName(), Dir: s.Dir, Env: c.environment(), Stdout: stdout, Stderr: stderr,
	})
	out.Err = errors.Join(out.Err, stdout.Flush(), stderr.Flush())
	var err error
	if out.Err != nil {
		err = c.failure(ctx, s, out, events)
	}
	key, left := pulumicli.LeftLock(out.Stdout, out.Stderr)
	if !left {
		return out, err
	}
	if unlocked := c.unlock(ctx, s, key); unlocked != nil {
		// Not the failure itself: what stays locked must not be repeated.
		return out, finally(err, unlocked)
	}
	return out, err
}

// environment is what the CLI gets: with the wrappers of the language hosts
// before the hosts themselves.
func (c *CLI) environment() []string {
	return pulumicli.Environment{Backend: c.Backend, First: []string{c.Hosts}}.From(c.Env)
}

// finally adds to a failure what makes repeating it senseless.
func finally(err, last error) error {
	if err == nil {
		return last
	}
	return fmt.Errorf("%v; %w", err, last)
}

func (c *CLI) failure(ctx context.Context, s Stack, out pulumicli.Outcome, events string) *Failure {
	f := &Failure{Command: out.Call + " " + s.Name, Code: out.Code, Class: out.Class(), Text: out.Text(), Err: out.Err}
	// An engine that was stopped in the middle of a plan complains of the steps
	// that it did not come to.
	if ctx.Err() != nil && (f.Class == pulumicli.Unknown || f.Class == pulumicli.PlanViolated) {
		f.Class = pulumicli.Interrupted
	}
	if events == "" {
		// Nothing can have been changed: the engine may speak of the backend
		// too, from which it reads StackReferences.
		if f.Class == pulumicli.ProgramOrDeploy && pulumicli.IsTransient(out.Stdout) {
			f.Class = pulumicli.Transient
		}
	} else {
		// No file: the engine never began.
		if log, err := os.ReadFile(events); err == nil {
			f.Stepped = pulumicli.Stepped(log)
		}
	}
	return f
}

// unlock removes the lock that a command could not: the exact object that it
// named, never all locks of the stack as `pulumi cancel` does.
func (c *CLI) unlock(ctx context.Context, s Stack, key string) error {
	if !strings.HasPrefix(key, s.locks()) {
		return fmt.Errorf("the CLI could not delete its lock at %q: look under %s in the state bucket and remove it by hand, the run that held it has ended", key, s.locks())
	}
	c.Log.Warn("removing the lock that the last command left behind", "stack", s.Name, "lock", key)
	// An interrupted run must not leave its lock either.
	if err := c.Objects.Remove(context.WithoutCancel(ctx), key); err != nil {
		return fmt.Errorf("the stack stays locked, because its lock %s can't be removed (%w): remove that object from the state bucket, the run that held it has ended", key, err)
	}
	return nil
}

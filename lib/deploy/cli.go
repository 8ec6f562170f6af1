package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// CLI is the Engine over the pulumi command.
type CLI struct {
	// Pulumi is the path of the command.
	Pulumi string
	// Env is the command's whole environment, without what the deployer sets.
	Env []string
	// Backend is the URL of the state backend.
	Backend string
	// SecretsProvider is the URL with which new stacks are made.
	SecretsProvider string
	// Retry is how often and how long to try.
	Retry Retry
	// Locks removes a lock that a command left behind.
	Locks Locks
	// Out gets what the command says.
	Out io.Writer
	// Log gets what the deployer does.
	Log *slog.Logger

	mu sync.Mutex
}

// Locks removes objects of the backend.
type Locks interface {
	// Remove deletes the object with a key such as ".pulumi/locks/…/UUID.json".
	Remove(ctx context.Context, key string) error
}

var _ Engine = (*CLI)(nil)

// environment is what the command gets: the deployer's own environment, with
// the backend, and nothing that would make it wait or ask.
func (c *CLI) environment() []string {
	var env []string
	for _, kv := range c.Env {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "PULUMI_BACKEND_URL", "PULUMI_STACK", "PULUMI_OPTION_REFRESH", "PULUMI_OPTION_PARALLEL":
		default:
			env = append(env, kv)
		}
	}
	// Only with PULUMI_DEBUG_COMMANDS does the CLI know --event-log, as the
	// Automation API sets it too.
	return append(env, "PULUMI_BACKEND_URL="+c.Backend, "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DEBUG_COMMANDS=true")
}

// State implements Engine.
func (c *CLI) State(ctx context.Context, s Stack) (State, error) {
	var out outcome
	err := c.Retry.run(ctx, func() (err error) {
		out, err = c.once(ctx, s, io.Discard, "", "stack", "export")
		return err
	})
	var f *Failure
	if errors.As(err, &f) && f.Class == NoStack {
		return noState(), nil
	}
	if err != nil {
		return State{}, err
	}
	return parseState([]byte(out.stdout))
}

// Init implements Engine.
func (c *CLI) Init(ctx context.Context, s Stack) error {
	return c.Retry.run(ctx, func() error {
		_, err := c.once(ctx, s, c.output(s), "", "stack", "init", "--no-select", "--secrets-provider", c.SecretsProvider)
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
	out, log, err := c.engine(ctx, s, state, args, false)
	if err != nil {
		return Proposal{}, err
	}
	changes, err := normalise(log)
	if err != nil {
		return Proposal{}, fmt.Errorf("stack %s: %w", s.Name, err)
	}
	if !s.Remove {
		saved, err := os.ReadFile(planFile)
		if err != nil {
			return Proposal{}, fmt.Errorf("stack %s: the CLI saved no plan: %w", s.Name, err)
		}
		outputs, err := outputChanges(saved)
		if err != nil {
			return Proposal{}, fmt.Errorf("stack %s: %w", s.Name, err)
		}
		changes = sorted(append(changes, outputs...))
	}
	return Proposal{Changes: changes, Text: out.stdout}, nil
}

// Apply implements Engine.
func (c *CLI) Apply(ctx context.Context, s Stack, state State, planFile string) error {
	args := []string{"up", "--yes", "--skip-preview", "--plan", planFile}
	if s.Remove {
		args = []string{"destroy", "--yes", "--skip-preview", "--run-program"}
	}
	_, _, err := c.engine(ctx, s, state, args, true)
	return err
}

// engine runs a command that runs the program. A command that changes things
// is repeated only if no step had begun.
func (c *CLI) engine(ctx context.Context, s Stack, state State, args []string, changes bool) (out outcome, log []byte, err error) {
	if err := c.useSecrets(s, state); err != nil {
		return outcome{}, nil, err
	}
	dir, err := os.MkdirTemp("", "delivery-events-")
	if err != nil {
		return outcome{}, nil, err
	}
	defer os.RemoveAll(dir)
	events := filepath.Join(dir, "events.json")
	err = c.Retry.run(ctx, func() (err error) {
		if err := os.RemoveAll(events); err != nil {
			return err
		}
		logged := ""
		if changes {
			logged = events
		}
		out, err = c.once(ctx, s, c.output(s), logged, append(args, "--event-log", events)...)
		return err
	})
	if err != nil {
		return out, nil, err
	}
	log, err = os.ReadFile(events)
	return out, log, err
}

// useSecrets refuses a stack whose secrets are not of this environment's key.
func (c *CLI) useSecrets(s Stack, state State) error {
	provider := state.Secrets.URL
	if state.Secrets.Type == "passphrase" {
		provider = "passphrase"
	}
	if state.Exists && provider != c.SecretsProvider {
		return fmt.Errorf("stack %s encrypts its secrets with %q and not with %q: move it with: pulumi stack change-secrets-provider", s.Name, provider, c.SecretsProvider)
	}
	return withSecrets(s.Config, state.Secrets)
}

// once runs the command once. With an events file, a failure says whether a
// step had begun.
func (c *CLI) once(ctx context.Context, s Stack, to io.Writer, events string, args ...string) (outcome, error) {
	name := args[0]
	if name == "stack" {
		name += " " + args[1]
		if args[1] == "init" {
			args = append(args, s.FullName())
		}
	}
	if name != "stack init" {
		args = append(args, "--stack", s.FullName())
	}
	out := execute(ctx, c.Pulumi, append(args, "--non-interactive", "--color", "never"), s.Dir, c.environment(), to)
	if key := LeftLock(out.stdout, out.stderr); key != "" {
		if err := c.unlock(ctx, s, key); err != nil {
			return out, err
		}
	}
	if out.err == nil {
		return out, nil
	}
	f := &Failure{Command: name + " " + s.Name, Code: out.code, Class: Classify(out.code, out.stdout, out.stderr), Text: said(out), Err: out.err}
	if ctx.Err() != nil && f.Class == Unknown {
		f.Class = Interrupted
	}
	if events != "" {
		// No file: the engine never began.
		if log, err := os.ReadFile(events); err == nil {
			f.Stepped = stepped(log)
		}
	}
	return out, f
}

// unlock removes the lock that a command could not: the exact object that it
// named, never all locks of the stack as `pulumi cancel` does.
func (c *CLI) unlock(ctx context.Context, s Stack, key string) error {
	if !strings.HasPrefix(key, ".pulumi/locks/"+s.FullName()+"/") {
		return fmt.Errorf("stack %s left a lock at %q, which is not one of its own: look at it and remove it by hand", s.Name, key)
	}
	c.Log.Warn("removing the lock that the last command left behind", "stack", s.Name, "lock", key)
	// An interrupted run must not leave its lock either.
	if err := c.Locks.Remove(context.WithoutCancel(ctx), key); err != nil {
		return fmt.Errorf("stack %s stays locked: its lock %s could not be removed (%w); remove that object, the run that held it has ended", s.Name, key, err)
	}
	return nil
}

func (c *CLI) output(s Stack) io.Writer {
	return &lines{mu: &c.mu, to: c.Out, prefix: "[" + s.Name + "] "}
}

// saidBytes is enough of the CLI's words for an error.
const saidBytes = 2000

// said is the part of the output that explains a failure: errors of the
// backend, or the engine's diagnostics.
func said(out outcome) string {
	text := strings.TrimSpace(out.stderr)
	if _, diagnostics, found := strings.Cut(out.stdout, "Diagnostics:"); found {
		text = strings.TrimSpace(diagnostics + "\n" + text)
	}
	if text == "" {
		text = strings.TrimSpace(out.stdout)
	}
	if text == "" {
		return out.err.Error()
	}
	return strings.Join(strings.Fields(text[max(0, len(text)-saidBytes):]), " ")
}

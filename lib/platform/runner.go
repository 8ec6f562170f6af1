package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"delivery.internal/lib/pulumicli"
)

// backend is a place where a stack's state is.
type backend struct {
	url string
	// passphrase is true where states may be encrypted with the empty
	// passphrase: bootstrap's, before there is a key.
	passphrase bool
}

// localBackend is the folder for bootstrap's state.
func (p *Platform) localBackend() backend {
	return backend{url: "file://" + filepath.ToSlash(p.LocalDir), passphrase: true}
}

// remoteBackend is the platform bucket, as a project's commands see it.
func (p *Platform) remoteBackend(project Project) backend {
	return backend{url: p.Backend, passphrase: project.Dir == bootstrapDir}
}

// personVariables are what the CLI gets of a person's environment beside what
// every CLI needs: how it draws, where logins are kept, and the token with
// which shared changes the repository.
var personVariables = []string{
	"TERM", "COLORTERM", "NO_COLOR",
	"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "SSH_AUTH_SOCK",
	tokenVariable,
}

// environment is what the CLI gets.
func (p *Platform) environment(b backend) []string {
	e := pulumicli.Environment{Backend: b.url, First: []string{filepath.Join(p.Root, ".tools", "bin")}, Also: personVariables, Passphrase: b.passphrase}
	return e.From(p.Environment.vars)
}

// cli runs the CLI on a stack, with its output on the screen.
func (p *Platform) cli(ctx context.Context, project Project, b backend, args ...string) error {
	call := p.call(project, b, args)
	call.Stdin, call.Stdout, call.Stderr, call.Screen = p.In, p.Out, p.Out, true
	return p.failure(project, p.run(ctx, call))
}

// callOutput runs the CLI on a stack and returns its output.
func (p *Platform) callOutput(ctx context.Context, project Project, b backend, args ...string) (string, error) {
	out := p.run(ctx, p.call(project, b, args))
	return out.Stdout, p.failure(project, out)
}

func (p *Platform) run(ctx context.Context, call pulumicli.Call) pulumicli.Outcome {
	return pulumicli.CLI{Path: p.Pulumi, Runner: p.Runner}.Run(ctx, call)
}

func (p *Platform) call(project Project, b backend, args []string) pulumicli.Call {
	call := pulumicli.Call{Args: args, Stack: project.fullStack(), Dir: p.ProjectDir(project.Dir), Env: p.environment(b)}
	if args[0] == "stack" && args[1] == "ls" {
		call.Stack = ""
	}
	return call
}

// failure is how a call failed, nil for success.
func (p *Platform) failure(project Project, out pulumicli.Outcome) error {
	err := out.Error(project.Name)
	if errors.Is(err, os.ErrNotExist) && out.Stderr == "" {
		return fmt.Errorf("%w; build the CLI with: make tools", err)
	}
	return err
}

package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Command is one call of a program.
type Command struct {
	// Path is the program.
	Path string
	// Args are its arguments, without the program's name.
	Args []string
	// Dir is the working directory.
	Dir string
	// Env is the whole environment.
	Env []string
	// Stdin, Stdout and Stderr are its streams; nil means none.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Runner runs a program to its end.
type Runner interface {
	Run(ctx context.Context, c Command) error
}

// Process is the Runner that starts a child process. When the context ends it
// interrupts the child once, so that pulumi can save its state and release its
// lock, and kills it only if that takes minutes.
type Process struct{}

// patience is how long an interrupted pulumi may take to save its state.
const patience = 5 * time.Minute

// Run implements Runner.
func (Process) Run(ctx context.Context, c Command) error {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = patience
	return cmd.Run()
}

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

// environment is what the CLI gets: the given environment, with the backend
// and nothing of the user's own Pulumi settings that would contradict it.
func (p *Platform) environment(b backend) []string {
	var env []string
	path := filepath.Join(p.Root, ".tools", "bin")
	for _, kv := range p.Environment.vars {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK":
		case "PATH":
			path += string(os.PathListSeparator) + value
		default:
			env = append(env, kv)
		}
	}
	env = append(env, "PATH="+path, "PULUMI_BACKEND_URL="+b.url, "PULUMI_SKIP_UPDATE_CHECK=true")
	if b.passphrase {
		env = append(env, "PULUMI_CONFIG_PASSPHRASE=")
	}
	return env
}

// cli runs the CLI on a stack, with its output on the screen.
func (p *Platform) cli(ctx context.Context, project Project, b backend, args ...string) error {
	c := p.command(project, b, args)
	var errText tail
	c.Stdout, c.Stderr = p.Out, io.MultiWriter(p.Out, &errText)
	if err := p.Runner.Run(ctx, c); err != nil {
		return fmt.Errorf("pulumi %s of %s failed: %w", args[0], project.Name, explain(err, errText.String()))
	}
	return nil
}

// ask runs the CLI on a stack and returns its output.
func (p *Platform) ask(ctx context.Context, project Project, b backend, args ...string) (string, error) {
	c := p.command(project, b, args)
	var out strings.Builder
	var errText tail
	c.Stdin, c.Stdout, c.Stderr = nil, &out, &errText
	if err := p.Runner.Run(ctx, c); err != nil {
		return out.String(), fmt.Errorf("pulumi %s of %s failed: %w", strings.Join(args[:min(2, len(args))], " "), project.Name, explain(err, errText.String()))
	}
	return out.String(), nil
}

func (p *Platform) command(project Project, b backend, args []string) Command {
	if args[0] != "stack" || args[1] != "ls" {
		args = append(args, "--stack", project.fullStack())
	}
	if p.In == nil {
		args = append(args, "--non-interactive")
	}
	return Command{Path: p.Pulumi, Args: args, Dir: p.ProjectDir(project.Dir), Env: p.environment(b), Stdin: p.In}
}

// explain adds what the CLI said to how it ended.
func explain(err error, text string) error {
	text = strings.TrimSpace(text)
	switch {
	case errors.Is(err, os.ErrNotExist) && text == "":
		return fmt.Errorf("%w; build the CLI with: make tools", err)
	case text == "":
		return err
	}
	return fmt.Errorf("%w: %s", err, text)
}

// tail keeps the end of a text: enough for an error, whatever the length.
type tail struct{ text []byte }

const tailBytes = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = t.text[over:]
	}
	return len(b), nil
}

func (t *tail) String() string { return string(t.text) }

package pulumicli

import (
	"context"
	"io"
	"os/exec"
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
	// Terminal says that a person sits at the terminal that the command
	// shares: a Ctrl-C reaches it from there.
	Terminal bool
}

// Runner runs a command to its end.
type Runner interface {
	Run(ctx context.Context, c Command) error
}

// Process is the Runner that starts a child process.
//
// When the context ends it interrupts the child once: a second interrupt would
// make the engine abandon running operations. So the child gets a process
// group of its own, which a Ctrl-C in a terminal does not reach; only one that
// asks a person questions stays in the terminal's group, where it could not
// read the answers otherwise, and there the terminal interrupts it.
type Process struct{}

// grace is how long an interrupted engine may take to finish running
// operations and save its state. The Automation API kills after ten seconds,
// which leaves a lock and pending operations.
const grace = 20 * time.Minute

// Run implements Runner.
func (Process) Run(ctx context.Context, c Command) error {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !c.Terminal}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace
	return cmd.Run()
}

package deploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// grace is how long an interrupted engine may take to finish running
// operations and save its state. The Automation API kills after ten seconds,
// which leaves a lock and pending operations; this is why the CLI is driven
// directly.
const grace = 20 * time.Minute

// outcome is how a command ended. The streams are as the command wrote them:
// nothing of them may be shown that did not go through redact.
type outcome struct {
	code           int
	stdout, stderr string
	err            error
}

// execute runs a command to its end. When the context ends it interrupts the
// command once: a second interrupt would make the engine abandon running
// operations. The command gets a process group of its own, so that a Ctrl-C in
// a terminal does not reach it a second time.
func execute(ctx context.Context, path string, args []string, dir string, env []string, out *lines) outcome {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = dir, env
	errs := out.twin()
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, out), io.MultiWriter(&stderr, errs)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace
	err := errors.Join(cmd.Run(), out.flush(), errs.flush())
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), err: err}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		o.code = exit.ExitCode()
	case err != nil:
		o.code = -1
	}
	return o
}

// lines writes the whole lines of one stream to a shared writer, without what
// must not be shown, and each with a prefix, so that stacks that run in
// parallel can be told apart.
type lines struct {
	mu       *sync.Mutex
	to       io.Writer
	prefix   string
	rest     []byte
	redactor redactor
}

// twin is for another stream of the same command.
func (l *lines) twin() *lines { return &lines{mu: l.mu, to: l.to, prefix: l.prefix} }

// flush writes what is left when no line's end came.
func (l *lines) flush() error {
	l.mu.Lock()
	left := len(l.rest) > 0
	l.mu.Unlock()
	if !left {
		return nil
	}
	_, err := l.Write([]byte("\n"))
	return err
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		line, shown := l.redactor.line(string(bytes.TrimRight(l.rest[:i], "\r")))
		if shown && line != "" {
			if _, err := io.WriteString(l.to, l.prefix+line+"\n"); err != nil {
				return 0, err
			}
		}
		l.rest = l.rest[i+1:]
	}
}

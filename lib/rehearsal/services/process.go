package services

import (
	"bytes"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a program in a process group of its own, with everything that it
// starts.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// pipeDelay bounds the wait for output of grandchildren that outlive their
// parent.
const pipeDelay = 2 * time.Second

func startProcess(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = pipeDelay
	if err := start1(cmd); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // the state tells
		p.signal(syscall.SIGKILL)
		close(p.done)
	}()
	return p, nil
}

// start1 starts a program that may just have been written. A fork elsewhere in
// this process can hold its file open for a moment, and the kernel then says
// "text file busy": see golang.org/issue/22315.
func start1(cmd *exec.Cmd) error {
	var err error
	for range 50 {
		again := *cmd
		if err = again.Start(); !errors.Is(err, syscall.ETXTBSY) {
			*cmd = again
			return err
		}
		busy := time.NewTimer(10 * time.Millisecond)
		<-busy.C
	}
	return err
}

// signal reaches the whole group.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) } // it may be gone

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the group and waits for its end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) state() string {
	if s := p.cmd.ProcessState; s != nil {
		return s.String()
	}
	return "unknown state"
}

// lines calls a function for every line that is written.
type lines struct {
	mu   sync.Mutex
	rest []byte
	f    func(string)
}

func newLines(f func(string)) *lines { return &lines{f: f} }

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
		l.f(string(bytes.TrimRight(l.rest[:i], "\r")))
		l.rest = l.rest[i+1:]
	}
}

// flush writes a last line that has no end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.f(string(l.rest))
		l.rest = nil
	}
}

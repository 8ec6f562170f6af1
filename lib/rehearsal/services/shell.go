package services

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shell runs the commands of a build in one bash, so that folders, exports and
// functions last from command to command, as buildspec version 0.2 promises.
// A command that ends the shell (exit, set -e) ends with the shell's code; the
// next one starts a new shell with the old one's exports and folder.
type shell struct {
	dir   string // where the commands begin
	state string // folder of what a shell leaves behind
	env   []string
	out   *lines
	grace time.Duration

	process *process
	in      *os.File
	results *bufio.Reader
	pipe    *os.File
}

// loop reads commands from descriptor 3 and answers their exit codes on 4. The
// commands see neither, nor the shell's input.
const loop = `
trap 'export -p > %[1]s/exports; pwd > %[1]s/folder' EXIT
if [ -f %[1]s/exports ]; then . %[1]s/exports; cd "$(cat %[1]s/folder)"; fi
while IFS= read -r -d '' __command <&3; do
  eval "$__command" 3<&- 4>&- </dev/null
  printf '%%s\0' "$?" >&4
done
`

func (s *shell) start() error {
	in, inWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	outRead, out, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close(), inWrite.Close())
	}
	cmd := exec.Command("bash", "--norc", "--noprofile", "-c", fmt.Sprintf(loop, quote(s.state)))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, s.out, s.out
	cmd.ExtraFiles = []*os.File{in, out}
	s.process, err = startProcess(cmd)
	err = errors.Join(err, in.Close(), out.Close()) // the child has its own
	if err != nil {
		return errors.Join(err, inWrite.Close(), outRead.Close())
	}
	s.in, s.pipe, s.results = inWrite, outRead, bufio.NewReader(outRead)
	return nil
}

// run runs one command and returns its exit code. When ctx ends, everything
// that runs is interrupted and, after the grace, killed.
func (s *shell) run(ctx context.Context, command string) (int, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if s.process == nil || !s.process.running() {
		s.release()
		if err := s.start(); err != nil {
			return 0, fmt.Errorf("bash can't be started: %w", err)
		}
	}
	done := make(chan int, 1)
	go func() { done <- s.exchange(command) }()
	select {
	case code := <-done:
		return code, nil
	case <-ctx.Done():
		s.interrupt(done)
		return 0, context.Cause(ctx)
	}
}

// interrupt asks what runs to end, and ends it after the grace.
func (s *shell) interrupt(done <-chan int) {
	s.process.signal(syscall.SIGINT)
	timer := time.NewTimer(s.grace)
	defer timer.Stop()
	select {
	case <-done:
		s.process.kill()
	case <-timer.C:
		s.process.kill()
		<-done
	}
}

// exchange sends a command and waits for its code, or the shell's own.
func (s *shell) exchange(command string) int {
	if _, err := s.in.WriteString(command + "\x00"); err == nil {
		if text, err := s.results.ReadString(0); err == nil {
			code, err := strconv.Atoi(strings.TrimSuffix(text, "\x00"))
			if err == nil {
				return code
			}
		}
	}
	<-s.process.done
	if code := s.process.cmd.ProcessState.ExitCode(); code > 0 {
		return code
	} else if code < 0 {
		return 128 // a signal
	}
	return 0
}

// values reads exported variables of the shell.
func (s *shell) values(ctx context.Context, names []string) (map[string]string, error) {
	file := filepath.Join(s.state, "values")
	var list strings.Builder
	for _, n := range names {
		list.WriteString(" " + quote(n))
	}
	command := fmt.Sprintf(`for __name in%s; do if [ -n "${!__name+set}" ]; then printf '%%s=%%s\0' "$__name" "${!__name}"; fi; done > %s`, list.String(), quote(file))
	if _, err := s.run(ctx, command); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x00"), "\x00") {
		if name, value, ok := strings.Cut(entry, "="); ok {
			out[name] = value
		}
	}
	return out, nil
}

// release closes what belongs to a shell that has ended.
func (s *shell) release() {
	if s.in != nil {
		_ = s.in.Close() // it may be closed
		_ = s.pipe.Close()
	}
	s.in, s.pipe = nil, nil
}

// close ends the shell and everything that it left running.
func (s *shell) close() {
	if s.process != nil {
		s.process.kill()
	}
	s.release()
	s.out.flush()
}

// quote makes a text one word of the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

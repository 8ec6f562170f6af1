package delivery

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// openTerminal returns a terminal at which nobody sits: the side that a person
// would hold, which answers nothing, and the side that a command gets.
func openTerminal(t *testing.T) (person, command *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = person.Close() })
	var locked, number int32
	require.NoError(t, ioctl(person, syscall.TIOCSPTLCK, &locked))
	require.NoError(t, ioctl(person, syscall.TIOCGPTN, &number))
	command, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return person, command
}

func ioctl(f *os.File, request uintptr, value *int32) error {
	if _, _, code := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(value))); code != 0 {
		return code
	}
	return nil
}

// patience is a multiple of what --help takes, and less than the five seconds
// for which a library would wait for the terminal's answer.
const patience = 4 * time.Second

// runInTerminal runs a command with a terminal as all of its streams, and
// returns what it wrote there.
func runInTerminal(t *testing.T, binary string, args ...string) (string, time.Duration) {
	t.Helper()
	person, terminal := openTerminal(t)
	said := make(chan string, 1)
	go func() {
		var text []byte
		buffer := make([]byte, 4096)
		for {
			n, err := person.Read(buffer)
			text = append(text, buffer[:n]...)
			if err != nil { // EIO, once no process has the terminal open
				said <- string(text)
				return
			}
		}
	}()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	started := time.Now()
	err := cmd.Run()
	took := time.Since(started)
	require.NoError(t, terminal.Close())
	text := <-said
	require.NoError(t, err, text)
	return text, took
}

func TestNoCommandAsksTheTerminal(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, dir := range commands(t) {
		name := path.Base(dir)
		if !strings.Contains("deployer platform rehearse", name) {
			continue // the functions have no command line
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			binary := filepath.Join(bin, name)
			out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./"+dir).CombinedOutput()
			require.NoError(t, err, string(out))
			text, took := runInTerminal(t, binary, "--help")
			require.Contains(t, text, "Usage:")
			require.NotContains(t, text, "\x1b", "an escape sequence: a question to the terminal, for its colours or its cursor")
			require.Less(t, took, patience, "it waited for an answer")
		})
	}
}

// Package testbuild gives tests what `make` builds for them: the pinned Pulumi
// CLI with its language hosts, and the platform's own binaries. What is missing
// is built, so that `go test ./...` works on a fresh clone. It also says which
// tests are long. Only tests import it.
package testbuild

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Root returns the folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Tools returns the folder of the pinned CLI and its language hosts. Building
// them takes about four minutes on two cores, once in a clone.
func Tools(t testing.TB) string {
	t.Helper()
	bin := filepath.Join(Root(), ".tools", "bin")
	for _, name := range []string{"pulumi", "pulumi-language-go", "pulumi-language-yaml"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			require.NoError(t, tools(), "the pinned Pulumi CLI can't be built")
		}
	}
	return bin
}

// Binaries builds the deployer and the functions into dist, as they are now,
// and returns the folder of the repository.
func Binaries(t testing.TB) string {
	t.Helper()
	require.NoError(t, binaries(), "the deployer and the functions can't be built")
	return Root()
}

// Long marks a test, or a row of a table, that the short form of the tests
// (`make test`, go test -short) leaves to the long one (`make test-long`).
func Long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to the long form: make test-long")
	}
}

var (
	tools    = sync.OnceValue(func() error { return build("the Pulumi CLI, about four minutes on two cores", "tools") })
	binaries = sync.OnceValue(func() error {
		return build("the deployer and the functions", "build", "LAMBDA_ARCH="+runtime.GOARCH)
	})
)

// build runs make, one process at a time: the tests of several packages run at
// once, and each would build the same files.
func build(what string, args ...string) error {
	unlock, err := lock()
	if err != nil {
		return err
	}
	defer unlock()
	screen := terminal()
	defer screen.Close()
	fmt.Fprintf(screen, "building what the tests need: %s (make %s)\n", what, args[0])
	cmd := exec.Command("make", append([]string{"-C", Root()}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// lock waits for other test processes that build in this clone.
func lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Join(Root(), "dist"), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(Root(), "dist", ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil // closing releases it
}

// terminal is where a person sees a word: `go test` keeps what a passing test
// prints to itself. Without a terminal the words are lost.
func terminal() io.WriteCloser {
	if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		return tty
	}
	return discard{}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }

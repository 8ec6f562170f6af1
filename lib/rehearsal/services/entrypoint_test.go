package services

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// zippedProgram is the archive of a function, as a tool that knows Unix modes
// makes it.
func zippedProgram(t *testing.T, content string, mode fs.FileMode) []byte {
	t.Helper()
	h := &zip.FileHeader{Name: "bootstrap"}
	h.SetMode(mode)
	return zippedEntry(t, h, content)
}

func zippedEntry(t *testing.T, h *zip.FileHeader, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateHeader(h)
	require.NoError(t, err)
	_, err = f.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// TestABootstrapThatIsNotExecutableDoesNotStart holds functions to the modes
// that were uploaded, and speaks as Lambda does.
func TestABootstrapThatIsNotExecutableDoesNotStart(t *testing.T) {
	t.Parallel()
	const script = "#!/bin/sh\nexit 0\n"
	for name, code := range map[string][]byte{
		"an archive without modes": zippedEntry(t, &zip.FileHeader{Name: "bootstrap"}, script),
		"a plain file":             zippedProgram(t, script, 0o644),
		"the owner's alone":        zippedProgram(t, script, 0o700),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := w.function("f", "echo", nil)
			w.c.SetBlob(f, code)
			_, err := w.call(f, `{}`)
			var e *FunctionError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "Runtime.InvalidEntrypoint", e.Type)
			require.Regexp(t, `^RequestId: [0-9a-f-]{36} Error: fork/exec /var/task/bootstrap: permission denied$`, e.Message)
			require.Len(t, w.said("lambda", "f", "permission denied"), 1)
		})
	}
}

func TestABootstrapOfAnotherMachineDoesNotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "echo", nil)
	w.c.SetBlob(f, zippedProgram(t, "no program of this machine", 0o755))
	_, err := w.call(f, `{}`)
	require.ErrorContains(t, err, "Runtime.InvalidEntrypoint: RequestId: ")
	require.ErrorContains(t, err, "fork/exec /var/task/bootstrap: exec format error")
}

func TestAnArchiveIsUnpackedWithItsModes(t *testing.T) {
	t.Parallel()
	for want, code := range map[fs.FileMode][]byte{
		0o755: zippedProgram(t, "", 0o755), 0o711: zippedProgram(t, "", 0o711), 0o644: zippedProgram(t, "", 0o644),
	} {
		dir := t.TempDir()
		require.NoError(t, unzip(code, dir))
		info, err := os.Stat(filepath.Join(dir, "bootstrap"))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode())
	}
}

package zipfile_test

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/zipfile"
)

// folder holds files with their modes.
func folder(t *testing.T, files map[string]fs.FileMode) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "folder")
	for name, mode := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(name), 0o600))
		require.NoError(t, os.Chmod(path, mode))
	}
	return root
}

func modes(t *testing.T, a zipfile.Archive) map[string]fs.FileMode {
	t.Helper()
	z, err := zip.OpenReader(a.Path)
	require.NoError(t, err)
	defer z.Close()
	out := map[string]fs.FileMode{}
	for _, f := range z.File {
		out[f.Name] = f.Mode()
	}
	return out
}

func TestWhatIsExecutableStaysSoForEverybody(t *testing.T) {
	t.Parallel()
	a, err := zipfile.Pack(folder(t, map[string]fs.FileMode{"bootstrap": 0o755, "ours": 0o700, "deep/text": 0o600, "open": 0o666}))
	require.NoError(t, err)
	require.Equal(t, map[string]fs.FileMode{"bootstrap": 0o755, "ours": 0o755, "deep/text": 0o644, "open": 0o644}, modes(t, a))
}

func TestTheSameFilesAreTheSameArchiveEverywhere(t *testing.T) {
	t.Parallel()
	one := folder(t, map[string]fs.FileMode{"b": 0o755, "a": 0o644})
	two := folder(t, map[string]fs.FileMode{"a": 0o600, "b": 0o700})
	require.NoError(t, os.Chtimes(filepath.Join(two, "a"), time.Now(), time.Now().Add(-time.Hour)))
	a, err := zipfile.Pack(one)
	require.NoError(t, err)
	b, err := zipfile.Pack(two)
	require.NoError(t, err)
	require.Equal(t, a.Digest, b.Digest)
	again, err := zipfile.Pack(one)
	require.NoError(t, err)
	require.Equal(t, a, again, "packing again changes nothing")
	require.NoError(t, os.Chmod(filepath.Join(one, "a"), 0o755))
	c, err := zipfile.Pack(one)
	require.NoError(t, err)
	require.NotEqual(t, a.Digest, c.Digest)
}

func TestWhatCanNotBePackedIsSaid(t *testing.T) {
	t.Parallel()
	_, err := zipfile.Pack(filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorContains(t, err, "nowhere can't be packed")
	root := folder(t, map[string]fs.FileMode{"a": 0o644})
	require.NoError(t, os.Symlink("a", filepath.Join(root, "link")))
	_, err = zipfile.Pack(root)
	require.ErrorContains(t, err, "link is not a regular file")
	require.NoFileExists(t, root+".zip")
}

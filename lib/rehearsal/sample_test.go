package rehearsal

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/github"
)

func TestTheSampleHasTheSuffixOfTheInstallation(t *testing.T) {
	t.Parallel()
	repository := github.NewRepository(cloud.New(), RepositoryName, Branch)
	require.NoError(t, loadSample(filepath.Join("..", ".."), "zz99", repository))
	text, _, err := repository.Archive(t.Context(), RepositoryName, Branch)
	require.NoError(t, err)
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	settings, err := fs.Glob(archive, "*/Pulumi.*.yaml")
	require.NoError(t, err)
	environments, err := platform.Environments(filepath.Join("..", ".."), "")
	require.NoError(t, err)
	require.Len(t, settings, 2*len(environments))
	for _, file := range settings {
		text, err := fs.ReadFile(archive, file)
		require.NoError(t, err)
		require.Contains(t, string(text), ": zz99\n", file)
		require.NotContains(t, string(text), DefaultSuffix, file)
	}
}

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func graph(t *testing.T, answer string) Graph {
	t.Helper()
	g, err := parse(strings.NewReader(answer))
	require.NoError(t, err)
	return g
}

func TestAPackageStandsOnWhatItImports(t *testing.T) {
	t.Parallel()
	g := graph(t, `{"ImportPath":"delivery.internal/lib/naming","Doc":"Names."}
		{"ImportPath":"delivery.internal/lib/storage","Doc":"Buckets.","Imports":["delivery.internal/lib/naming","fmt"]}
		{"ImportPath":"delivery.internal/shared","Imports":["delivery.internal/lib/naming","delivery.internal/lib/storage"]}`)
	require.Equal(t, 1, g["lib/naming"].Floor)
	require.Equal(t, 3, g["shared"].Floor)
	require.Equal(t, 3, g.Arrows())
	text, err := g.Markdown()
	require.NoError(t, err)
	require.Contains(t, text, "3 packages, 3 imports between them.")
	require.Contains(t, text, "| `lib/storage` | Buckets. | naming |")
}

func TestAPackageOutOfPlaceIsNamed(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]string{
		"lib/unheard belongs to no group":                  `{"ImportPath":"delivery.internal/lib/unheard"}`,
		"lib/naming (words and facts) imports lib/storage": `{"ImportPath":"delivery.internal/lib/naming","Imports":["delivery.internal/lib/storage"]}` + `{"ImportPath":"delivery.internal/lib/storage"}`,
	} {
		_, err := graph(t, answer).Markdown()
		require.ErrorContains(t, err, want)
	}
}

func TestThePictureOfThePackagesIsUpToDate(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	g, err := Load(t.Context(), root)
	require.NoError(t, err)
	generated, err := g.Markdown()
	require.NoError(t, err)
	document, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	require.NoError(t, err)
	want, err := Insert(string(document), generated)
	require.NoError(t, err)
	if want != string(document) {
		t.Fatal("docs/architecture.md shows other packages than there are: run make packages")
	}
}

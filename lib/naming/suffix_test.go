package naming_test

import (
	"bytes"
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
)

func TestEveryKindOfBucketIsAmongTheBuckets(t *testing.T) {
	t.Parallel()
	const maxBucket = 63
	buckets := naming.Buckets("k3m9x2ab", naming.Dev, naming.Staging, naming.Prod)
	require.Len(t, buckets, 10)
	for _, k := range naming.Kinds() {
		if k.Max != maxBucket || !strings.HasSuffix(k.Prefix, "-bucket") {
			require.False(t, strings.HasSuffix(k.Prefix, "-bucket"), k.Prefix)
			continue
		}
		require.True(t, slices.ContainsFunc(buckets, func(b string) bool { return strings.HasPrefix(b, k.Prefix+"-") }), k.Prefix)
	}
}

func TestRandomSuffixesAreUsableAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		s, err := naming.RandomSuffix(rand.Reader)
		require.NoError(t, err)
		require.NoError(t, naming.FreeSuffix(s))
		require.Len(t, s, 8)
		require.False(t, seen[s], s)
		seen[s] = true
	}
}

func TestARandomSuffixComesFromItsReaderAlone(t *testing.T) {
	t.Parallel()
	// 31 is a digit, which can't come first.
	s, err := naming.RandomSuffix(bytes.NewReader([]byte{31, 0, 1, 2, 31, 24, 255, 32, 64}))
	require.NoError(t, err)
	require.Equal(t, "abc929aa", s)
	_, err = naming.RandomSuffix(bytes.NewReader([]byte{0, 1, 2}))
	require.ErrorContains(t, err, "can't be made")
}

func TestASuffixOfTheDocumentsIsNotFree(t *testing.T) {
	t.Parallel()
	for _, s := range naming.DocumentedSuffixes() {
		require.NoError(t, naming.ValidSuffix(s), "a rehearsal can use it")
		require.ErrorContains(t, naming.FreeSuffix(s), "documents")
	}
	require.ErrorContains(t, naming.FreeSuffix("A1"), "lower-case")
	require.NoError(t, naming.FreeSuffix("k3m9x2ab"))
}

// TestTheDocumentedSuffixesAreThoseOfTheDocuments reads every document and
// example for what looks like a suffix that a reader could copy.
func TestTheDocumentedSuffixesAreThoseOfTheDocuments(t *testing.T) {
	t.Parallel()
	var prefixes []string
	for _, k := range naming.Kinds() {
		prefixes = append(prefixes, regexp.QuoteMeta(k.Prefix))
	}
	suffix := `([a-z][a-z0-9]{1,11})\b`
	patterns := []*regexp.Regexp{
		regexp.MustCompile(`\bSUFFIX=` + suffix),
		regexp.MustCompile(`(?i)\bsuffix:\s+"?` + suffix + `"?\s*$`),
		regexp.MustCompile(`\bPulumi\.` + suffix + `\.yaml`),
		regexp.MustCompile(`\b(?:` + strings.Join(prefixes, "|") + `)-(?:dev|staging|prod|shared)-` + suffix),
		regexp.MustCompile("[`\"]([a-z][0-9][a-z][0-9])[`\"]"),
	}
	found := map[string]bool{}
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			for _, p := range patterns {
				for _, m := range p.FindAllStringSubmatch(line, -1) {
					if !isEnvironment(m[1]) {
						found[m[1]] = true
						require.Contains(t, naming.DocumentedSuffixes(), m[1], "%s: %s", file, line)
					}
				}
			}
		}
	}
	for _, s := range naming.DocumentedSuffixes() {
		require.True(t, found[s], "%s stands in no document", s)
	}
}

// isEnvironment tells Pulumi.dev.yaml from Pulumi.SUFFIX.yaml; qa is what the
// documents add.
func isEnvironment(s string) bool {
	return slices.Contains([]string{"dev", "staging", "prod", "qa"}, s)
}

// documents are what users read and copy: texts, examples and the help.
func documents(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	files := []string{filepath.Join(root, "README.md"), filepath.Join(root, "Makefile")}
	for _, dir := range []string{"docs", "examples"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && slices.Contains([]string{".md", ".yaml", ".go"}, filepath.Ext(path)) {
				files = append(files, path)
			}
			return err
		}))
	}
	for _, pattern := range []string{"Pulumi.yaml", "*/Pulumi.yaml", "environments/*/Pulumi.yaml"} {
		more, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		files = append(files, more...)
	}
	require.Greater(t, len(files), 20)
	return files
}

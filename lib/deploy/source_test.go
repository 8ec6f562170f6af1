package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSourceOfAReviewIsBoundFileByFile(t *testing.T) {
	t.Parallel()
	source := func(t *testing.T) string {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"delivery.yaml": "stacks: []\n", "app/main.go": "package main\n", "app/run.sh": "true\n",
			".git/HEAD": "ref\n", ".delivery/bundle.json": "{}", "app/.delivery/old": "x",
		} {
			path := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		require.NoError(t, os.Symlink("main.go", filepath.Join(dir, "app", "link")))
		return dir
	}
	in := func(names ...string) func(string) string {
		return func(dir string) string { return filepath.Join(append([]string{dir}, names...)...) }
	}
	write := func(path func(string) string, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { require.NoError(t, os.WriteFile(path(dir), []byte(text), 0o644)) }
	}
	first := source(t)
	reviewed, err := readSource(first)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		want   string
	}{
		"another download":       {func(*testing.T, string) {}, ""},
		"history":                {write(in(".git", "HEAD"), "other"), ""},
		"the bundle's folder":    {write(in(".delivery", "bundle.json"), "other"), ""},
		"content":                {write(in("app", "main.go"), "package other\n"), "(app/main.go differs)"},
		"a new file":             {write(in("app", "new.go"), ""), "(app/new.go differs)"},
		"a name with a line end": {write(in("app", "a\nb"), ""), `("app/a\nb" differs)`},
		"a mode":                 {func(t *testing.T, dir string) { require.NoError(t, os.Chmod(in("app", "run.sh")(dir), 0o755)) }, "(app/run.sh differs)"},
		"a missing file":         {func(t *testing.T, dir string) { require.NoError(t, os.Remove(in("app", "run.sh")(dir))) }, "(app/run.sh differs)"},
		"a folder":               {func(t *testing.T, dir string) { require.NoError(t, os.Mkdir(in("empty")(dir), 0o755)) }, "(empty differs)"},
		"a link": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(in("app", "link")(dir)))
			require.NoError(t, os.Symlink("run.sh", in("app", "link")(dir)))
		}, "(app/link differs)"},
		"many files": {func(t *testing.T, dir string) {
			for _, name := range strings.Split("abcdefg", "") {
				write(in(name), "")(t, dir)
			}
		}, "(a, b, c, d, e and 2 more differ)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := source(t)
			c.change(t, dir)
			now, err := readSource(dir)
			require.NoError(t, err)
			err = checkSource(textDigest([]byte(reviewed)), reviewed, now)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "the source is not the one that was reviewed "+c.want+": merge another change for a new review")
			// A list that is not the reviewed one names nothing.
			require.ErrorContains(t, checkSource(textDigest([]byte(reviewed)), now, now), "(its digest is "+textDigest([]byte(now))+" and was "+textDigest([]byte(reviewed))+")")
		})
	}
}

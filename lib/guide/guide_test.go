// Package guide holds the documents to what they speak of: commands, settings,
// folders and pages that exist.
package guide

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var root = filepath.Join("..", "..")

// documents are the pages that people read, by their path below the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/decisions/*.md", "examples/*/README.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			out[file] = read(t, file)
		}
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

var span = regexp.MustCompile("`[^`\n]+`")

// code is what stands in code spans and in indented blocks, without comments.
func code(text string) (out []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") {
			line, _, _ = strings.Cut(line, " #")
			out = append(out, line)
			continue
		}
		for _, s := range span.FindAllString(line, -1) {
			out = append(out, strings.Trim(s, "`"))
		}
	}
	return out
}

// wrong finds what the documents name in code and known does not have.
func wrong(t *testing.T, pattern *regexp.Regexp, known func(string) bool) (out []string) {
	t.Helper()
	seen := 0
	for file, text := range documents(t) {
		for _, c := range code(text) {
			for _, m := range pattern.FindAllStringSubmatch(c, -1) {
				seen++
				if !known(m[1]) {
					out = append(out, file+": "+m[0])
				}
			}
		}
	}
	require.NotZero(t, seen, "the pattern finds nothing at all")
	return out
}

func targets(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z -]*):`).FindAllStringSubmatch(read(t, filepath.Join(root, "Makefile")), -1) {
		out = append(out, strings.Fields(m[1])...)
	}
	return out
}

func TestEveryMakeTargetInTheDocumentsExists(t *testing.T) {
	t.Parallel()
	known := targets(t)
	require.Contains(t, known, "destroy-all")
	require.Empty(t, wrong(t, regexp.MustCompile(`\bmake ([a-z][a-z-]*)`), func(name string) bool { return slices.Contains(known, name) }))
}

func TestEveryProjectInTheDocumentsExists(t *testing.T) {
	t.Parallel()
	require.Empty(t, wrong(t, regexp.MustCompile(`\bPROJECT=([a-zA-Z/]+)`), func(name string) bool {
		dir := strings.Replace(name, "/ENV", "/dev", 1)
		if strings.HasPrefix(dir, "targets/") {
			return slices.Contains([]string{"targets/dev", "targets/staging", "targets/prod"}, dir)
		}
		_, err := os.Stat(filepath.Join(root, dir, "Pulumi.yaml"))
		return err == nil
	}))
}

func TestEverySettingInTheDocumentsExists(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, project := range []string{"bootstrap", "shared", "targets"} {
		var doc struct {
			Config map[string]any `yaml:"config"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(read(t, filepath.Join(root, project, "Pulumi.yaml"))), &doc))
		require.NotEmpty(t, doc.Config, project)
		for key := range doc.Config {
			if !strings.Contains(key, ":") {
				key = project + ":" + key // as the CLI completes it
			}
			known[key] = true
		}
	}
	require.Empty(t, wrong(t, regexp.MustCompile(`\b((?:bootstrap|shared|targets):[a-zA-Z]+)`), func(key string) bool { return known[key] }))
}

func TestEveryMakeTargetInAnErrorTextExists(t *testing.T) {
	t.Parallel()
	known, command := targets(t), regexp.MustCompile(`(?:run|with|first|by): make ([a-z][a-z-]*)`)
	seen := 0
	for _, dir := range []string{"lib", "bootstrap", "shared", "targets", "environments"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			for _, m := range command.FindAllStringSubmatch(read(t, path), -1) {
				seen++
				require.Contains(t, known, m[1], "%s: %s", path, m[0])
			}
			return nil
		}))
	}
	require.NotZero(t, seen)
}

var (
	link    = regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^a-z0-9 -]`)
)

// anchors are the headings of a page as GitHub links to them.
func anchors(text string) (out []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		out = append(out, "#"+strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	for file, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			page := file
			if m[1] != "" {
				page = filepath.Join(filepath.Dir(file), m[1])
			}
			_, err := os.Stat(page)
			require.NoError(t, err, "%s: %s", file, m[0])
			if m[2] != "" {
				require.Contains(t, anchors(read(t, page)), m[2], "%s: %s", file, m[0])
			}
		}
	}
}

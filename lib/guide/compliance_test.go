package guide

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	place      = regexp.MustCompile(`^lib/[\w./-]+$`)
	blanks     = regexp.MustCompile(`\s+`)
	setting    = regexp.MustCompile(`^(bootstrap|shared|targets):[a-zA-Z]+$`) // TestEverySettingInTheDocumentsExists looks at these
	inAccount  = regexp.MustCompile("`(aws|make) ")
	inThisRepo = regexp.MustCompile("`Test[A-Z]")
)

// source is the text of a file, or of the Go files of a folder without their
// tests, with single blanks.
func source(path string) (string, error) {
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		return "", err
	} else if info.IsDir() {
		files, err = filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil {
			return "", err
		}
		files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	}
	var out strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		out.WriteString(blanks.ReplaceAllString(string(text), " "))
	}
	return out.String(), nil
}

// checkSetting holds a setting to the files and folders that the same cell
// names: what stands in code must stand in one of them. It returns how many
// the cell names.
func checkSetting(cell string) (places int, err error) {
	var all strings.Builder
	var claims []string
	for _, s := range span.FindAllString(cell, -1) {
		code := strings.Trim(s, "`")
		if !place.MatchString(code) {
			claims = append(claims, code)
			continue
		}
		text, err := source(filepath.Join(root, filepath.FromSlash(code)))
		if err != nil {
			return places, fmt.Errorf("%s can't be read: %w", code, err)
		}
		all.WriteString(text)
		places++
	}
	for _, c := range claims {
		if !setting.MatchString(c) && !strings.Contains(all.String(), c) {
			return places, fmt.Errorf("%q does not stand in the files that are named with it", c)
		}
	}
	return places, nil
}

// checkResources wants names of resources, or that all are meant.
func checkResources(cell string) error {
	if cell == "every resource" {
		return nil
	}
	names := span.FindAllString(cell, -1)
	if len(names) == 0 {
		return fmt.Errorf("%q names no resource", cell)
	}
	for _, s := range names {
		if name := strings.Trim(s, "`"); !isResource(name) {
			return fmt.Errorf("%q is not the name of a resource: expected for instance pipeline-ENV-SUFFIX", name)
		}
	}
	return nil
}

func TestEveryControlNamesResourceSettingAndEvidence(t *testing.T) {
	t.Parallel()
	e := known(t)
	controls := rows(section(read(t, filepath.Join(root, "docs", "compliance.md")), "The controls"))
	require.Len(t, controls, 18)
	for i, row := range controls {
		require.Len(t, row, 5, "%v", row)
		id := row[0]
		require.Equal(t, fmt.Sprintf("S%d", i+1), id)
		require.NotEmpty(t, row[1], id)
		require.NoError(t, checkResources(row[2]), id)
		places, err := checkSetting(row[3])
		require.NoError(t, err, id)
		require.NotZero(t, places, "%s: say which file sets it", id)
		_, err = e.check(row[4])
		require.NoError(t, err, id)
		require.Regexp(t, inThisRepo, row[4], "%s names no test", id)
		require.Regexp(t, inAccount, row[4], "%s names nothing to ask of the account", id)
	}
}

func TestAControlThatIsMadeUpIsNoticed(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"`RetentionDays = 31` in `lib/compute/loggroup.go`": "does not stand in the files",
		"`RetentionDays = 30`":                              "does not stand in the files",
		"`RetentionDays = 30` in `lib/compute/logs.go`":     "can't be read",
	} {
		_, err := checkSetting(cell)
		require.ErrorContains(t, err, want, cell)
	}
	require.ErrorContains(t, checkResources("`vault-ENV-SUFFIX`"), "is not the name of a resource")
	require.ErrorContains(t, checkResources("`pipeline-qa-SUFFIX`"), "is not the name of a resource")
	require.ErrorContains(t, checkResources("the pipeline"), "names no resource")
}

func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	e := known(t)
	require.Empty(t, wrong(t, regexp.MustCompile(`^(Test[A-Z]\w+)$`), func(name string) bool { return len(e.tests[name]) > 0 }))
}

func TestEveryFileThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	require.Empty(t, wrong(t, regexp.MustCompile(`^((?:lib|image|tools|examples|docs)/[\w./-]*)$`), func(path string) bool {
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(path)))
		return err == nil
	}))
}

func TestEveryStepThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	e := known(t)
	named := regexp.MustCompile(`\bsteps? "[^"]+"(?:,? (?:and )?"[^"]+")*`)
	seen := 0
	for file, text := range documents(t) {
		for _, list := range named.FindAllString(text, -1) {
			n, err := e.check(list)
			require.NoError(t, err, file)
			seen += n
		}
	}
	require.Greater(t, seen, 5)
}

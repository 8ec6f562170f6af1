package guide

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam/reference"
	"delivery.internal/lib/naming"
)

// evidence is what a document may name to show that a sentence is true: tests,
// steps of the rehearsal, make targets, commands, files, and resources of an
// installation. What is none of these is refused, so that no page can name
// something that does not exist.
type evidence struct {
	tests   map[string][]string // folders by the name of the test
	steps   []string            // of TestRehearsal
	targets []string            // of the Makefile
}

var (
	testFunc   = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	stepCall   = regexp.MustCompile(`(?m)^\s*s\.(?:step|long)\("([^"]+)"`)
	stepSpan   = regexp.MustCompile(`"([^"]+)"`)
	testName   = regexp.MustCompile(`^Test[A-Z]\w*$`)
	makeLine   = regexp.MustCompile(`^make ([a-z][a-z-]*)( [A-Z]+=\S.*)?$`)
	goTest     = regexp.MustCompile(`^go test \./(\S+) -run '([\w|]+)'$`)
	awsCommand = regexp.MustCompile(`^aws ([a-z0-9]+) ([a-z0-9-]+)( .*)?$`)
	awsPage    = regexp.MustCompile(`\(https://(docs\.aws\.amazon\.com|docs\.github\.com)/[^)]+\)`)
)

var gather = sync.OnceValues(func() (evidence, error) {
	e := evidence{tests: map[string][]string{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			e.tests[m[1]] = append(e.tests[m[1]], filepath.ToSlash(folder))
		}
		if filepath.ToSlash(folder) == "lib/rehearsal" {
			for _, m := range stepCall.FindAllStringSubmatch(string(text), -1) {
				e.steps = append(e.steps, m[1])
			}
		}
		return err
	})
	return e, err
})

func known(t *testing.T) evidence {
	t.Helper()
	e, err := gather()
	require.NoError(t, err)
	e.targets = targets(t)
	require.NotEmpty(t, e.tests)
	require.NotEmpty(t, e.steps)
	return e
}

// check says how many pieces of evidence a text names, or which of them does
// not exist. Steps stand in quotes, everything else in code spans.
func (e evidence) check(text string) (int, error) {
	found := len(awsPage.FindAllString(text, -1))
	plain := text
	for _, s := range span.FindAllString(text, -1) {
		plain = strings.Replace(plain, s, "", 1)
		if err := e.exists(strings.Trim(s, "`")); err != nil {
			return found, err
		}
		found++
	}
	for _, m := range stepSpan.FindAllStringSubmatch(plain, -1) {
		if !slices.Contains(e.steps, m[1]) {
			return found, fmt.Errorf("%q is not a step of the rehearsal", m[1])
		}
		found++
	}
	return found, nil
}

// exists says what is wrong with a code span that should be evidence.
func (e evidence) exists(code string) error {
	if testName.MatchString(code) {
		if len(e.tests[code]) == 0 {
			return fmt.Errorf("%s is not a test of this repository", code)
		}
		return nil
	}
	if m := makeLine.FindStringSubmatch(code); m != nil {
		if !slices.Contains(e.targets, m[1]) {
			return fmt.Errorf("%s is not a target of the Makefile", code)
		}
		return nil
	}
	if m := goTest.FindStringSubmatch(code); m != nil {
		return e.runs(m[1], m[2])
	}
	if m := awsCommand.FindStringSubmatch(code); m != nil {
		if !isCommand(m[1], m[2]) {
			return fmt.Errorf("%s is not a command of the AWS CLI that this test knows", code)
		}
		for word := range strings.FieldsSeq(m[3]) {
			if strings.HasSuffix(word, "-SUFFIX") && !isResource(word) {
				return fmt.Errorf("%s asks for %s, which is not the name of a resource", code, word)
			}
		}
		return nil
	}
	if isResource(code) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(code))); err == nil && (strings.Contains(code, "/") || code == "Makefile") {
		return nil
	}
	return fmt.Errorf("%q is not evidence: expected a test, a path, a resource's name, or a command (make, go test ./… -run '…', aws)", code)
}

// runs checks that each word of a -run pattern finds a test in the folder.
func (e evidence) runs(folder, pattern string) error {
	for word := range strings.SplitSeq(pattern, "|") {
		ok := false
		for name, folders := range e.tests {
			ok = ok || strings.Contains(name, word) && slices.Contains(folders, folder)
		}
		if !ok {
			return fmt.Errorf("no test in %s has %q in its name", folder, word)
		}
	}
	return nil
}

// commands whose IAM action has another name than the operation.
var commands = map[string]string{
	"s3api get-bucket-encryption": "s3:GetEncryptionConfiguration", "s3api list-object-versions": "s3:ListBucketVersions",
	"s3api get-public-access-block": "s3:GetBucketPublicAccessBlock", "s3 cp": "s3:GetObject",
	"s3api get-bucket-lifecycle-configuration": "s3:GetLifecycleConfiguration",
}

// isCommand says whether an operation of AWS goes by this command: the CLI
// writes GetKeyRotationStatus as get-key-rotation-status.
func isCommand(service, command string) bool {
	action, ok := commands[service+" "+command]
	if !ok {
		var name strings.Builder
		for word := range strings.SplitSeq(command, "-") {
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
		action = strings.TrimSuffix(service, "api") + ":" + name.String()
	}
	return reference.Known(action)
}

var resource = regexp.MustCompile(`^(alias/)?([a-z-]+)-(ENV|shared|dev|staging|prod)-SUFFIX$`)

// isResource says whether a name is that of a resource of the platform, with
// SUFFIX, and ENV where there is one for each environment.
func isResource(name string) bool {
	m := resource.FindStringSubmatch(name)
	return m != nil && slices.ContainsFunc(naming.Kinds(), func(k naming.Kind) bool { return k.Prefix == m[1]+m[2] })
}

// section returns the lines below a heading, up to the next one of its level.
func section(text, title string) string {
	_, rest, _ := strings.Cut(text, "\n## "+title+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	return strings.TrimSpace(rest)
}

// rows are the cells of the tables of a text, without heads and rules.
func rows(text string) (out [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "|---") {
			out = out[:len(out)-1] // the head
		} else if inner, ok := strings.CutPrefix(line, "|"); ok {
			var cells []string
			for cell := range strings.SplitSeq(strings.TrimSuffix(inner, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			out = append(out, cells)
		}
	}
	return out
}

func TestWhatDoesNotExistIsNoEvidence(t *testing.T) {
	t.Parallel()
	e := known(t)
	for text, want := range map[string]string{
		"`TestNobodyWroteThis`":                                      "is not a test",
		"the rehearsal's step \"pigs fly\"":                          "is not a step",
		"`make believe`":                                             "is not a target",
		"`go test ./lib/deploy -run 'Bundle|Unicorn'`":               "no test in lib/deploy",
		"`go test ./lib/naming -run 'Bundle'`":                       "no test in lib/naming",
		"`aws kms get-key-happiness`":                                "is not a command",
		"`aws iam get-role --role-name jester-role-prod-SUFFIX`":     "is not the name of a resource",
		"`lib/guide/nothing.go`":                                     "is not evidence",
		"`fairy-bucket-ENV-SUFFIX`":                                  "is not evidence",
		"`TestRehearsal` and `hostVariables`":                        "is not evidence",
		"`TestRehearsal`, step \"every stack comes up\" and \"not\"": "is not a step",
	} {
		_, err := e.check(text)
		require.ErrorContains(t, err, want, text)
	}
	n, err := e.check("`TestRehearsal`, \"every stack comes up\", `make rehearse ARGS=--keep`, `go test ./lib/deploy -run 'Bundle'`, `aws kms get-key-rotation-status`, `ledger-bucket-shared-SUFFIX`, `lib/guide`, [page](https://docs.aws.amazon.com/kms/x.html)")
	require.NoError(t, err)
	require.Equal(t, 8, n)
	n, err = e.check("Believe me.")
	require.NoError(t, err)
	require.Zero(t, n)
}

package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// page is an address of those who make the rules.
var page = regexp.MustCompile(`^https://(docs\.aws\.amazon\.com/[A-Za-z0-9/_.-]+(#[A-Za-z0-9_.-]+)?|docs\.github\.com/en/[a-z0-9/-]+|www\.pulumi\.com/[a-z0-9/-]+)$`)

func facts(t *testing.T) []stated {
	t.Helper()
	out, err := read(root)
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}

func TestEveryFactHasAPageOfThoseWhoMakeTheRule(t *testing.T) {
	t.Parallel()
	for _, f := range facts(t) {
		require.Regexp(t, page, f.Page, f.Rule)
		require.Regexp(t, `^[A-Z].*\.$`, f.Rule, "a rule is a sentence")
		require.NotContains(t, f.Rule, "|", "a rule stands in a table")
	}
}

func TestNoFactIsStatedTwice(t *testing.T) {
	t.Parallel()
	rules := map[string]string{}
	for _, f := range facts(t) {
		key := strings.ToLower(strings.Join(strings.Fields(f.Rule), " "))
		require.Empty(t, rules[key], "%s is stated in %s and in %s", f.Rule, rules[key], f.folder)
		rules[key] = f.folder
		same := f.Page + " " + f.Enforced
		require.Empty(t, rules[same], "%s enforces two facts of %s: write one", f.where(), f.Page)
		rules[same] = f.folder
	}
}

func TestWhatEnforcesAFactIsThere(t *testing.T) {
	t.Parallel()
	names := map[string]map[string]bool{}
	for _, f := range facts(t) {
		require.NotEmpty(t, f.Enforced, f.Rule)
		for _, p := range f.places() {
			if names[p.folder] == nil {
				names[p.folder] = namesIn(t, p.folder)
			}
			require.True(t, names[p.folder][p.name], "%s: no %s in lib/%s", f.Rule, p.name, p.folder)
		}
	}
}

// namesIn are the names that a package declares: functions, types, variables
// and constants, and methods as Type.Method and as Method.
func namesIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	entries, err := os.ReadDir(filepath.Join(root, folder))
	require.NoError(t, err)
	for _, e := range entries {
		if !isSource(e.Name()) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, folder, e.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			for _, n := range declares(d) {
				out[n] = true
			}
		}
	}
	return out
}

func declares(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		on := d.Recv.List[0].Type
		if star, ok := on.(*ast.StarExpr); ok {
			on = star.X
		}
		return []string{d.Name.Name, on.(*ast.Ident).Name + "." + d.Name.Name}
	case *ast.GenDecl:
		var out []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				out = append(out, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					out = append(out, n.Name)
				}
			}
		}
		return out
	}
	return nil
}

// The floor is of facts alone: each of its packages says where they come from.
func TestEveryPackageOfTheFloorStatesItsFacts(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{"aws/fact": true}
	for _, f := range facts(t) {
		declared[f.folder] = true
	}
	folders, err := os.ReadDir(filepath.Join(root, "aws"))
	require.NoError(t, err)
	for _, d := range folders {
		require.True(t, declared["aws/"+d.Name()], "lib/aws/%s states no fact: declare var Facts", d.Name())
	}
	require.True(t, declared["iam"])
}

// Whatever may use a fact must be able to link it: the floor has no Pulumi and
// no SDK below it, and nothing of the rehearsal.
func TestTheFloorStandsOnNothing(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"aws", "iam"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !isSource(path) {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, i := range file.Imports {
				require.NotRegexp(t, `pulumi|aws-sdk|delivery\.internal/lib/(?:[^ai]|a[^w]|i[^a])`, i.Path.Value, path)
			}
			return nil
		}))
	}
}

func TestTheTableHasALineForEachFact(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(&out, root))
	require.Equal(t, len(facts(t))+2, strings.Count(out.String(), "\n"))
	require.Contains(t, out.String(), "| aws/kmskey.Parse, rehearsal/cloud.Key, rehearsal/cloud.KeyARN |")
}

// cited finds addresses of AWS's pages in comments.
var cited = regexp.MustCompile(`(?m)//.*?(https://docs\.aws\.amazon\.com/[A-Za-z0-9/_-]+\.html)`)

func TestAPageThatACommentCitesStandsInTheTable(t *testing.T) {
	t.Parallel()
	pages := map[string]bool{}
	for _, f := range facts(t) {
		p, _, _ := strings.Cut(f.Page, "#")
		pages[p] = true
	}
	for _, folder := range []string{"aws", "iam", "rehearsal"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !isSource(path) {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, m := range cited.FindAllStringSubmatch(string(text), -1) {
				require.True(t, pages[m[1]], "%s cites %s: state the rule in its package's Facts", path, m[1])
			}
			return nil
		}))
	}
}

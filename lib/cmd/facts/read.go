package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"delivery.internal/lib/aws/fact"
)

// stated is a fact and the folder, below the root, whose package declares it.
type stated struct {
	fact.Fact
	folder string
}

// place is something that enforces a fact: a name in a folder.
type place struct{ folder, name string }

func (p place) String() string { return p.folder + "." + p.name }

// places are what enforces a fact.
func (s stated) places() []place {
	var out []place
	for name := range strings.SplitSeq(s.Enforced, ",") {
		p := place{s.folder, strings.TrimSpace(name)}
		if i := strings.LastIndex(p.name, "/"); i >= 0 {
			last, rest, _ := strings.Cut(p.name[i:], ".")
			p = place{p.name[:i] + last, rest}
		}
		out = append(out, p)
	}
	return out
}

func (s stated) where() string {
	var out []string
	for _, p := range s.places() {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

// read gathers the facts of all packages below a folder, in the order of the
// folders. It reads the source: some packages take minutes to link.
func read(root string) ([]stated, error) {
	var out []stated
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isSource(path) {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		facts, err := declared(file)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, f := range facts {
			out = append(out, stated{f, filepath.ToSlash(folder)})
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b stated) int { return strings.Compare(a.folder, b.folder) })
	return out, err
}

func isSource(path string) bool {
	return strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
}

// declared are the facts in a file's var Facts.
func declared(file *ast.File) ([]fact.Fact, error) {
	var out []fact.Fact
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if v.Names[0].Name != "Facts" || len(v.Values) != 1 {
				continue
			}
			list, ok := v.Values[0].(*ast.CompositeLit)
			if !ok {
				return nil, fmt.Errorf("var Facts is not a literal: expected []fact.Fact{...}")
			}
			for _, e := range list.Elts {
				f, err := literal(e)
				if err != nil {
					return nil, err
				}
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// literal reads one element of var Facts.
func literal(e ast.Expr) (fact.Fact, error) {
	var f fact.Fact
	c, ok := e.(*ast.CompositeLit)
	if !ok {
		return f, fmt.Errorf("an element of var Facts is not a literal")
	}
	for _, field := range c.Elts {
		kv, ok := field.(*ast.KeyValueExpr)
		if !ok {
			return f, fmt.Errorf("an element of var Facts names no field: expected Rule, Page and Enforced")
		}
		key := kv.Key.(*ast.Ident).Name
		value, ok := kv.Value.(*ast.BasicLit)
		if !ok {
			return f, fmt.Errorf("%s of a fact is not a string literal", key)
		}
		text, err := strconv.Unquote(value.Value)
		if err != nil {
			return f, fmt.Errorf("%s of a fact is not a string: %w", key, err)
		}
		*map[string]*string{"Rule": &f.Rule, "Page": &f.Page, "Enforced": &f.Enforced}[key] = text
	}
	return f, nil
}

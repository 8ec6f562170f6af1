// Package packages draws the repository's own packages from their imports, for
// docs/architecture.md. The picture is made again by make packages, and a test
// of the repository fails when it is out of date.
package packages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// modulePath is what the import paths of the repository's modules begin with.
const modulePath = "delivery.internal/"

// Package is one package of the repository.
type Package struct {
	// Path is the folder below the root, for instance lib/naming.
	Path string
	// Doc is the first sentence of the package comment.
	Doc string
	// Imports are the packages of the repository that its code imports, tests
	// left out, sorted.
	Imports []string
	// Floor is 1 for a package that imports no other, else one more than the
	// highest that it imports.
	Floor int
}

// Graph is all packages by path.
type Graph map[string]*Package

// Load asks the go command for the packages of the workspace at root. An
// environment's project stands for all of them: they differ by a name.
func Load(ctx context.Context, root string) (Graph, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Doc,Imports", "./lib/...", "./bootstrap", "./shared", "./targets", "./environments/dev")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return nil, fmt.Errorf("go list: %w: %s", err, failed.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	return parse(strings.NewReader(string(out)))
}

func parse(r io.Reader) (Graph, error) {
	g := Graph{}
	for d := json.NewDecoder(r); ; {
		var p struct {
			ImportPath, Doc string
			Imports         []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("the answer of go list: %w", err)
		}
		own := &Package{Path: strings.TrimPrefix(p.ImportPath, modulePath), Doc: p.Doc}
		for _, i := range p.Imports {
			if imported, ok := strings.CutPrefix(i, modulePath); ok {
				own.Imports = append(own.Imports, imported)
			}
		}
		g[own.Path] = own
	}
	for _, p := range g {
		g.floor(p)
	}
	return g, nil
}

// floor ends because Go refuses circles.
func (g Graph) floor(p *Package) int {
	if p.Floor == 0 {
		highest := 0
		for _, i := range p.Imports {
			highest = max(highest, g.floor(g[i]))
		}
		p.Floor = highest + 1
	}
	return p.Floor
}

// Arrows is the number of imports between the packages.
func (g Graph) Arrows() int {
	n := 0
	for _, p := range g {
		n += len(p.Imports)
	}
	return n
}

// group is packages that do one kind of work.
type group struct {
	name string
	// folders are the paths of its packages, or what they lie below.
	folders []string
}

// groups are in order: a package imports from its own group and from those
// after it.
var groups = []group{
	{"projects", []string{"bootstrap", "shared", "targets", "environments"}},
	{"commands", []string{"lib/cmd"}},
	{"rehearsal", []string{"lib/rehearsal"}},
	{"deployer and platform", []string{"lib/deploy", "lib/platform", "lib/pulumicli", "lib/permissions", "lib/approval", "lib/leastprivilege"}},
	{"components", []string{
		"lib/environment", "lib/pipeline", "lib/buildproject", "lib/buildimage", "lib/webhook", "lib/sourcecontrol",
		"lib/eventing", "lib/compute", "lib/audit", "lib/storage", "lib/access", "lib/encryption",
	}},
	{"functions", []string{"lib/handlers"}},
	{"tools of the tests", []string{"lib/plantest", "lib/golden", "lib/testbuild", "lib/guide", "lib/packages"}},
	{"words and facts", []string{
		"lib/sentinel", "lib/eventbus", "lib/settings", "lib/projectconfig", "lib/stackrefs", "lib/stackoutputs", "lib/naming", "lib/promotion", "lib/contract", "lib/iampolicy", "lib/iam", "lib/aws", "lib/zipfile",
	}},
}

// groupOf returns the place of a package's group in groups.
func groupOf(p string) (int, error) {
	for i, g := range groups {
		for _, folder := range g.folders {
			if p == folder || strings.HasPrefix(p, folder+"/") {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("package %s belongs to no group: add its folder to groups in lib/packages/packages.go", p)
}

// Markdown draws the groups as a Mermaid flowchart and lists the packages of
// each. It fails when a package has no group or imports from a group that
// stands before its own.
func (g Graph) Markdown() (string, error) {
	between, members, err := g.sort()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d packages, %d imports between them.\n\n```mermaid\nflowchart TD\n", len(g), g.Arrows())
	for i, group := range groups {
		fmt.Fprintf(&b, "    g%d[\"%s (%d)\"]\n", i, group.name, len(members[i]))
	}
	for _, edge := range slices.SortedFunc(maps.Keys(between), compareEdges) {
		fmt.Fprintf(&b, "    g%d -->|%d| g%d\n", edge[0], between[edge], edge[1])
	}
	b.WriteString("```\n")
	for i, group := range groups {
		fmt.Fprintf(&b, "\n### %s%s\n\n| package | what it is | imports |\n|---|---|---|\n", strings.ToUpper(group.name[:1]), group.name[1:])
		for _, p := range members[i] {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Path, strings.ReplaceAll(p.Doc, "|", "\\|"), names(p.Imports))
		}
	}
	return b.String(), nil
}

func compareEdges(a, b [2]int) int { return slices.Compare(a[:], b[:]) }

// sort counts the imports between groups and lists each group's packages, the
// highest floor first.
func (g Graph) sort() (map[[2]int]int, map[int][]*Package, error) {
	between, members := map[[2]int]int{}, map[int][]*Package{}
	for _, p := range slices.Sorted(maps.Keys(g)) {
		own, err := groupOf(p)
		if err != nil {
			return nil, nil, err
		}
		members[own] = append(members[own], g[p])
		for _, i := range g[p].Imports {
			imported, err := groupOf(i)
			switch {
			case err != nil:
				return nil, nil, err
			case imported < own:
				return nil, nil, fmt.Errorf("%s (%s) imports %s (%s): a package imports from its own group and from those below it", p, groups[own].name, i, groups[imported].name)
			case imported > own:
				between[[2]int{own, imported}]++
			}
		}
	}
	for _, ps := range members {
		slices.SortStableFunc(ps, func(a, b *Package) int { return b.Floor - a.Floor })
	}
	return between, members, nil
}

// names lists packages by their last element, which is how code calls them.
func names(imports []string) string {
	var out []string
	for _, i := range imports {
		out = append(out, path.Base(i))
	}
	return strings.Join(out, ", ")
}

package provider

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// What the local cloud accepts is compared with the sources of the real SDKs,
// which are read, not linked: compiling pulumi-aws would take minutes.

// sdk is the type declarations of the packages that describe resources.
type sdk struct {
	t        *testing.T
	roots    map[string]string // by plugin
	packages map[string]*sdkPackage
}

type sdkPackage struct {
	structs map[string]map[string]sdkField
	needed  map[string]map[string]bool // by resource: arguments that its constructor insists on
}

type sdkField struct {
	expr     ast.Expr
	required bool
}

func readSDK(t *testing.T) *sdk {
	t.Helper()
	s := &sdk{t: t, roots: map[string]string{}, packages: map[string]*sdkPackage{}}
	for plugin, module := range map[string]string{
		"aws":    "github.com/pulumi/pulumi-aws/sdk/v6",
		"github": "github.com/pulumi/pulumi-github/sdk/v6",
		"random": "github.com/pulumi/pulumi-random/sdk/v4",
	} {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		require.NoError(t, err)
		s.roots[plugin] = filepath.Join(strings.TrimSpace(string(out)), "go", plugin)
	}
	return s
}

// of returns the package and the name of a resource type's declarations.
func (s *sdk) of(tok string) (*sdkPackage, string) {
	parts := strings.Split(tok, ":")
	dir := s.roots[parts[0]]
	if module, _, _ := strings.Cut(parts[1], "/"); module != "index" {
		dir = filepath.Join(dir, module)
	}
	if s.packages[dir] == nil {
		s.packages[dir] = s.read(dir)
	}
	return s.packages[dir], parts[2]
}

var missing = regexp.MustCompile(`required argument '(\w+)'`)

func (s *sdk) read(dir string) *sdkPackage {
	p := &sdkPackage{structs: map[string]map[string]sdkField{}, needed: map[string]map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, files, dir)
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		require.NoError(s.t, err)
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				p.types(d)
			case *ast.FuncDecl:
				p.constructor(d)
			}
		}
	}
	return p
}

func (p *sdkPackage) types(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		body, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		fields := map[string]sdkField{}
		for _, f := range body.Fields.List {
			if f.Tag == nil {
				continue
			}
			tag, _ := strconv.Unquote(f.Tag.Value)
			name := strings.TrimSuffix(strings.TrimPrefix(tag, `pulumi:"`), `"`)
			_, pointer := f.Type.(*ast.StarExpr)
			_, slice := f.Type.(*ast.ArrayType)
			_, mapped := f.Type.(*ast.MapType)
			fields[name] = sdkField{expr: f.Type, required: !pointer && !slice && !mapped}
		}
		p.structs[t.Name.Name] = fields
	}
}

func (p *sdkPackage) constructor(d *ast.FuncDecl) {
	name, ok := strings.CutPrefix(d.Name.Name, "New")
	if !ok || d.Recv != nil {
		return
	}
	p.needed[name] = map[string]bool{}
	ast.Inspect(d, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok {
			for _, m := range missing.FindAllStringSubmatch(lit.Value, -1) {
				p.needed[name][lowerFirst(m[1])] = true
			}
		}
		return true
	})
}

func lowerFirst(s string) string {
	r := []rune(s)
	r[0] = unicode.ToLower(r[0])
	return string(r)
}

// shapes compares an input with the type of a field.
func (p *sdkPackage) shape(path string, in Input, expr ast.Expr, complain func(string, ...any)) {
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	expect := func(s Shape) {
		if in.Shape != s && in.Shape != Any {
			complain("%s has shape %d: the SDK has %s", path, in.Shape, fmt.Sprint(expr))
		}
	}
	switch e := expr.(type) {
	case *ast.ArrayType:
		expect(List)
		if in.Elem != nil {
			p.shape(path+"[]", *in.Elem, e.Elt, complain)
		}
	case *ast.MapType:
		expect(Map)
		if in.Elem != nil {
			p.shape(path+".*", *in.Elem, e.Value, complain)
		}
	case *ast.Ident:
		p.named(path, in, e.Name, expect, complain)
	}
}

func (p *sdkPackage) named(path string, in Input, name string, expect func(Shape), complain func(string, ...any)) {
	switch name {
	case "string":
		expect(String)
	case "int", "float64":
		expect(Number)
	case "bool":
		expect(Bool)
	default:
		fields, ok := p.structs[name]
		if !ok {
			return // an enumeration or a union
		}
		expect(Object)
		if in.Shape == Object {
			p.compare(path, in.Fields, fields, nil, complain)
		}
	}
}

func (p *sdkPackage) compare(path string, inputs map[string]Input, fields map[string]sdkField, needed map[string]bool, complain func(string, ...any)) {
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		f, ok := fields[name]
		if !ok {
			complain("%s is not an input in the SDK", at)
			continue
		}
		if required := needed[name] || needed == nil && f.required; required && !inputs[name].Required {
			complain("%s is required in the SDK", at)
		}
		p.shape(at, inputs[name], f.expr, complain)
	}
	for name, f := range fields {
		if required := needed[name] || needed == nil && f.required; required && inputs[name].Shape == String && !inputs[name].Required {
			complain("%s.%s is required in the SDK", path, name)
		}
	}
}

func TestResourceTypesAreThoseOfTheRealSDKs(t *testing.T) {
	t.Parallel()
	s := readSDK(t)
	for _, tok := range Types() {
		k := registry()[tok]
		p, name := s.of(tok)
		complain := func(format string, args ...any) { t.Errorf("%s: "+format, append([]any{tok}, args...)...) }
		args, ok := p.structs[lowerFirst(name)+"Args"]
		if !ok {
			complain("is not a resource of the SDK")
			continue
		}
		p.compare("", k.Inputs, args, p.needed[name], complain)
		outputs := p.structs[lowerFirst(name)+"State"]
		for _, o := range slices.Concat(k.computedOutputs(), k.Secrets) {
			if _, ok := outputs[o]; !ok {
				complain("output %s does not exist in the SDK", o)
			}
		}
	}
}

package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// pattern is a compiled event pattern. See "Amazon EventBridge event patterns"
// and "Comparison operators for use in event patterns" in its user guide.
type pattern func(object any) bool

// leaf tests one value of an event; an absent one has present false.
type leaf func(value any, present bool) bool

// compilePattern reads an event pattern. What it does not know is an error: a
// rule that silently never matches would hide a mistake.
func compilePattern(text string) (pattern, error) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("the event pattern is no JSON object: %w", err)
	}
	if len(doc) == 0 {
		return nil, errors.New("the event pattern is empty")
	}
	return compileObject("", doc)
}

func compileObject(path string, doc map[string]any) (pattern, error) {
	var all []pattern
	for key, v := range doc {
		at := strings.TrimPrefix(path+"."+key, ".")
		p, err := compileField(at, key, v)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	every := func(object map[string]any) bool {
		return !slices.ContainsFunc(all, func(p pattern) bool { return !p(object) })
	}
	return func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			return every(v)
		case []any:
			return slices.ContainsFunc(v, func(e any) bool { m, ok := e.(map[string]any); return ok && every(m) })
		}
		return every(nil) // exists:false may still match
	}, nil
}

func compileField(at, key string, v any) (pattern, error) {
	if list, ok := v.([]any); ok && key == "$or" {
		return compileOr(at, list)
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return nil, fmt.Errorf("%s is empty: expected values", at)
		}
		p, err := compileObject(at, v)
		return func(object any) bool { m, _ := object.(map[string]any); return p(m[key]) }, err
	case []any:
		tests, err := compileLeaves(at, v)
		return func(object any) bool { m, _ := object.(map[string]any); return anyLeaf(tests, m, key) }, err
	}
	return nil, fmt.Errorf("%s must be an object or an array", at)
}

func compileOr(at string, list []any) (pattern, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%s needs at least two patterns", at)
	}
	var either []pattern
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s[%d] must be an object", at, i)
		}
		p, err := compileObject(at, m)
		if err != nil {
			return nil, err
		}
		either = append(either, p)
	}
	return func(object any) bool {
		return slices.ContainsFunc(either, func(p pattern) bool { return p(object) })
	}, nil
}

func compileLeaves(at string, list []any) ([]leaf, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is an empty array", at)
	}
	var out []leaf
	for _, e := range list {
		t, err := compileLeaf(e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// anyLeaf applies tests to a field. A list in an event matches with any of its
// elements; an object is no leaf.
func anyLeaf(tests []leaf, object map[string]any, key string) bool {
	value, present := object[key]
	if _, isObject := value.(map[string]any); isObject {
		value, present = nil, false
	}
	list, isList := value.([]any)
	return slices.ContainsFunc(tests, func(t leaf) bool {
		if isList {
			return slices.ContainsFunc(list, func(e any) bool { return t(e, true) })
		}
		return t(value, present)
	})
}

func compileLeaf(e any) (leaf, error) {
	m, ok := e.(map[string]any)
	if !ok {
		if _, isList := e.([]any); isList {
			return nil, errors.New("a list in a list of values")
		}
		return func(v any, present bool) bool { return present && reflect.DeepEqual(v, e) }, nil
	}
	if len(m) != 1 {
		return nil, errors.New("a matcher must have exactly one key")
	}
	for name, arg := range m {
		switch name {
		case "exists":
			want, ok := arg.(bool)
			if !ok {
				return nil, errors.New("exists takes true or false")
			}
			return func(_ any, present bool) bool { return present == want }, nil
		case "numeric":
			return compileNumeric(arg)
		case "anything-but":
			return compileAnythingBut(arg)
		default:
			test, err := compileText(name, arg)
			return onText(test), err
		}
	}
	return nil, nil // not reached: m has one key
}

func onText(test func(string) bool) leaf {
	return func(v any, present bool) bool {
		s, ok := v.(string)
		return present && ok && test(s)
	}
}

// compileText compiles the matchers of strings.
func compileText(name string, arg any) (func(string) bool, error) {
	if m, ok := arg.(map[string]any); ok && (name == "prefix" || name == "suffix") && len(m) == 1 {
		s, ok := m["equals-ignore-case"].(string)
		if !ok {
			return nil, fmt.Errorf("%s takes a string or equals-ignore-case", name)
		}
		inner, err := compileText(name, strings.ToLower(s))
		return func(v string) bool { return inner(strings.ToLower(v)) }, err
	}
	s, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("%s takes a string, not %v", name, arg)
	}
	switch name {
	case "prefix":
		return func(v string) bool { return strings.HasPrefix(v, s) }, nil
	case "suffix":
		return func(v string) bool { return strings.HasSuffix(v, s) }, nil
	case "equals-ignore-case":
		return func(v string) bool { return strings.EqualFold(v, s) }, nil
	case "wildcard":
		re, err := regexp.Compile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, ".*") + "$")
		if err != nil || strings.Contains(s, "**") {
			return nil, fmt.Errorf("wildcard %q is not valid", s)
		}
		return re.MatchString, nil
	case "cidr":
		net, err := netip.ParsePrefix(s)
		return func(v string) bool { a, err := netip.ParseAddr(v); return err == nil && net.Contains(a) }, err
	}
	return nil, fmt.Errorf("unrecognized match type %s", name)
}

// compileAnythingBut negates values, or one matcher of strings over one or
// more of its arguments. An absent field matches nothing.
func compileAnythingBut(arg any) (leaf, error) {
	if m, ok := arg.(map[string]any); ok {
		if len(m) != 1 {
			return nil, errors.New("anything-but takes one matcher")
		}
		var tests []func(string) bool
		for name, inner := range m {
			for _, a := range aslist(inner) {
				t, err := compileText(name, a)
				if err != nil {
					return nil, fmt.Errorf("anything-but: %w", err)
				}
				tests = append(tests, t)
			}
		}
		return onText(func(s string) bool {
			return !slices.ContainsFunc(tests, func(t func(string) bool) bool { return t(s) })
		}), nil
	}
	values := aslist(arg)
	if len(values) == 0 {
		return nil, errors.New("anything-but takes at least one value")
	}
	return func(v any, present bool) bool {
		return present && !slices.ContainsFunc(values, func(e any) bool { return reflect.DeepEqual(e, v) })
	}, nil
}

func aslist(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

var comparisons = map[string]func(a, b float64) bool{
	"=":  func(a, b float64) bool { return a == b },
	"<":  func(a, b float64) bool { return a < b },
	"<=": func(a, b float64) bool { return a <= b },
	">":  func(a, b float64) bool { return a > b },
	">=": func(a, b float64) bool { return a >= b },
}

func compileNumeric(arg any) (leaf, error) {
	list, _ := arg.([]any)
	if len(list) != 2 && len(list) != 4 {
		return nil, fmt.Errorf("numeric takes one or two comparisons, not %v", arg)
	}
	var tests []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		compare, known := comparisons[op]
		limit, isNumber := list[i+1].(float64)
		if !known || !isNumber {
			return nil, fmt.Errorf("numeric does not know the comparison %v %v", list[i], list[i+1])
		}
		tests = append(tests, func(n float64) bool { return compare(n, limit) })
	}
	return func(v any, present bool) bool {
		n, ok := v.(float64)
		return present && ok && !slices.ContainsFunc(tests, func(t func(float64) bool) bool { return !t(n) })
	}, nil
}

// Package eventpattern reads the event patterns of EventBridge: what it refuses
// EventBridge refuses when a rule is made, and what it compiles matches as
// EventBridge matches. It knows nothing of rules, buses and targets.
//
// The grammar is that of "Amazon EventBridge event patterns",
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html,
// and "Comparison operators for use in event patterns",
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html.
package eventpattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Pattern says whether an event matches. The event is plain JSON: maps, lists,
// strings, float64, bool and nil.
type Pattern func(event any) bool

// leaf tests one value of an event; an absent one has present false.
type leaf func(value any, present bool) bool

// Compile reads an event pattern. What it does not know is an error: a rule
// that silently never matches would hide a mistake.
func Compile(text string) (Pattern, error) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("the event pattern is not a JSON object: %w", err)
	}
	if len(doc) == 0 {
		return nil, errors.New("the event pattern is an empty object: nothing would match")
	}
	return compileObject("", doc)
}

func compileObject(path string, doc map[string]any) (Pattern, error) {
	var all []Pattern
	for _, key := range slices.Sorted(maps.Keys(doc)) { // the first error is the same every time
		v := doc[key]
		at := strings.TrimPrefix(path+"."+key, ".")
		p, err := compileField(at, key, v)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	every := func(object map[string]any) bool {
		return !slices.ContainsFunc(all, func(p Pattern) bool { return !p(object) })
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

func compileField(at, key string, v any) (Pattern, error) {
	if list, ok := v.([]any); ok && key == "$or" {
		return compileOr(at, list)
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return nil, fmt.Errorf("%s is an empty object: nothing would match", at)
		}
		p, err := compileObject(at, v)
		return func(object any) bool { m, _ := object.(map[string]any); return p(m[key]) }, err
	case []any:
		tests, err := compileLeaves(at, v)
		return func(object any) bool { m, _ := object.(map[string]any); return anyLeaf(tests, m, key) }, err
	}
	return nil, fmt.Errorf("%s must be an object or an array", at)
}

func compileOr(at string, list []any) (Pattern, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%s needs at least two patterns", at)
	}
	var either []Pattern
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
		return slices.ContainsFunc(either, func(p Pattern) bool { return p(object) })
	}, nil
}

func compileLeaves(at string, list []any) ([]leaf, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is an empty list: nothing would match", at)
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
// elements; an object is not a leaf.
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
	if !ok || s == "" && name != "wildcard" {
		return nil, fmt.Errorf("%s takes a string that is not empty, not %v", name, arg)
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

// negatable are the match types that may stand under anything-but.
var negatable = []string{"prefix", "suffix", "equals-ignore-case", "wildcard"}

// compileAnythingBut negates values, or one matcher of strings over one or
// more of its arguments. An absent field matches nothing.
func compileAnythingBut(arg any) (leaf, error) {
	if m, ok := arg.(map[string]any); ok {
		if len(m) != 1 {
			return nil, errors.New("anything-but takes one matcher")
		}
		var tests []func(string) bool
		for name, inner := range m {
			if !slices.Contains(negatable, name) {
				return nil, fmt.Errorf("anything-but does not take the match type %s: expected one of %s", name, strings.Join(negatable, ", "))
			}
			operands := aslist(inner)
			if len(operands) == 0 {
				return nil, fmt.Errorf("anything-but %s takes at least one value", name)
			}
			for _, a := range operands {
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
	for _, v := range values {
		switch v.(type) {
		case string, float64:
		default:
			return nil, fmt.Errorf("anything-but takes strings and numbers, not %v", v)
		}
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
	if len(list) == 4 && !isRange(list) {
		return nil, fmt.Errorf("numeric %v is not a range: expected a lower bound and then a higher upper bound", list)
	}
	return func(v any, present bool) bool {
		n, ok := v.(float64)
		return present && ok && !slices.ContainsFunc(tests, func(t func(float64) bool) bool { return !t(n) })
	}, nil
}

// isRange says whether two comparisons are a lower bound and, above it, an
// upper one. The caller has checked the types.
func isRange(list []any) bool {
	lower, upper := list[0].(string), list[2].(string)
	return strings.HasPrefix(lower, ">") && strings.HasPrefix(upper, "<") && list[1].(float64) < list[3].(float64)
}

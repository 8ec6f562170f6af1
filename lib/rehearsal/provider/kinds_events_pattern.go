package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// CheckEventPattern says why EventBridge would refuse an event pattern. See
// "Comparison operators for use in event patterns" in its user guide.
func CheckEventPattern(text string) error {
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("it is no JSON object: %w", err)
	}
	return patternObject("", doc)
}

func patternObject(path string, doc map[string]any) error {
	if len(doc) == 0 {
		return fmt.Errorf("%q is an empty object: nothing would match", path)
	}
	for _, k := range slices.Sorted(maps.Keys(doc)) {
		at := strings.TrimPrefix(path+"."+k, ".")
		if err := patternField(at, k, doc[k]); err != nil {
			return err
		}
	}
	return nil
}

func patternField(at, key string, value any) error {
	switch v := value.(type) {
	case map[string]any:
		return patternObject(at, v)
	case []any:
		if key == "$or" {
			return patternOr(at, v)
		}
		if len(v) == 0 {
			return fmt.Errorf("%q is an empty list: nothing would match", at)
		}
		for _, e := range v {
			if err := patternElement(at, e); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%q must be an object or an array", at)
}

func patternOr(at string, options []any) error {
	if len(options) < 2 {
		return fmt.Errorf("%q needs at least two objects", at)
	}
	for _, o := range options {
		m, ok := o.(map[string]any)
		if !ok {
			return fmt.Errorf("%q must hold objects", at)
		}
		if err := patternObject(strings.TrimSuffix(at, ".$or"), m); err != nil {
			return err
		}
	}
	return nil
}

func patternElement(at string, e any) error {
	m, ok := e.(map[string]any)
	if !ok {
		if _, nested := e.([]any); nested {
			return fmt.Errorf("%q holds a list in a list", at)
		}
		return nil // text, number, true, false, null
	}
	if len(m) != 1 {
		return fmt.Errorf("%q has an object with %d keys: expected one operator", at, len(m))
	}
	for operator, operand := range m {
		check, known := operators[operator]
		if !known {
			return fmt.Errorf("%q has the unrecognized match type %s: expected one of %s", at, operator, strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
		}
		if !check(operand) {
			b, _ := json.Marshal(operand) // it came from JSON
			return fmt.Errorf("%q has the operator %s with the operand %s, which it does not take", at, operator, b)
		}
	}
	return nil
}

// operators say what operands they take.
var operators = map[string]func(any) bool{
	"prefix":             textOrIgnoreCase,
	"suffix":             textOrIgnoreCase,
	"equals-ignore-case": isText,
	"wildcard":           isWildcard,
	"exists":             func(v any) bool { _, ok := v.(bool); return ok },
	"cidr":               isCIDR,
	"numeric":            isComparison,
	"anything-but":       isAnythingBut,
}

func isText(v any) bool { s, ok := v.(string); return ok && s != "" }

func isWildcard(v any) bool { s, ok := v.(string); return ok && !strings.Contains(s, "**") }

func isCIDR(v any) bool {
	s, _ := v.(string)
	_, err := netip.ParsePrefix(s)
	return err == nil
}

func textOrIgnoreCase(v any) bool {
	if m, ok := v.(map[string]any); ok {
		return len(m) == 1 && isText(m["equals-ignore-case"])
	}
	return isText(v)
}

// isComparison: one or two pairs of operator and number.
func isComparison(v any) bool {
	l, ok := v.([]any)
	if !ok || len(l) != 2 && len(l) != 4 {
		return false
	}
	for i := 0; i < len(l); i += 2 {
		op, _ := l[i].(string)
		if _, isNumber := l[i+1].(float64); !isNumber || !slices.Contains([]string{"<", "<=", "=", ">=", ">"}, op) {
			return false
		}
	}
	return len(l) == 2 || strings.HasPrefix(l[0].(string), ">") && strings.HasPrefix(l[2].(string), "<") && l[1].(float64) < l[3].(float64)
}

func isAnythingBut(v any) bool {
	switch v := v.(type) {
	case string, float64:
		return true
	case []any:
		return len(v) > 0 && !slices.ContainsFunc(v, func(e any) bool {
			_, s := e.(string)
			_, n := e.(float64)
			return !s && !n
		})
	case map[string]any:
		for op, operand := range v {
			ok := slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, op)
			return ok && len(v) == 1 && (isText(operand) || len(texts(operand)) > 0)
		}
	}
	return false
}

package permissions

import (
	"encoding/json"
	"slices"
	"strings"

	"delivery.internal/lib/sentinel"
)

// secret is what events show instead of one.
const secret = "[secret]"

// value is an input as text.
type value struct {
	text            string
	absent, unknown bool
}

func (v value) known() bool { return !v.absent && !v.unknown }

// or is the value, or a default where it is absent.
func (v value) or(fallback string) value {
	if v.absent {
		return value{text: fallback}
	}
	return v
}

// is says that the value is surely a text.
func (v value) is(text string) bool { return v.known() && v.text == text }

// same says that two values are surely equal.
func (v value) same(w value) bool { return !v.unknown && v == w }

// word names the value in sentences.
func (v value) word() string {
	switch {
	case v.unknown:
		return "(not known before the deployment)"
	case v.absent:
		return "(none)"
	}
	return v.text
}

func read(inputs map[string]any, key string) value {
	v, ok := inputs[key]
	if !ok {
		return value{absent: true}
	}
	return valueOf(v)
}

// valueOf reads a plain value; objects and lists as JSON, which is what policy
// documents may be given as.
func valueOf(v any) value {
	switch v := v.(type) {
	case nil:
		return value{absent: true}
	case string:
		if isUnknown(v) {
			return value{unknown: true}
		}
		return value{text: v}
	}
	if hasUnknown(v) {
		return value{unknown: true}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return value{unknown: true}
	}
	return value{text: string(b)}
}

func isUnknown(s string) bool {
	return strings.Contains(s, secret) || slices.ContainsFunc(sentinel.Unknowns, func(mark string) bool { return strings.Contains(s, mark) })
}

// hasUnknown says whether something in a value is not known: computed, secret,
// or of a type that is not a plain one.
func hasUnknown(v any) bool {
	switch v := v.(type) {
	case nil, bool, float64, int, int64, json.Number:
		return false
	case string:
		return isUnknown(v)
	case []any:
		return slices.ContainsFunc(v, hasUnknown)
	case map[string]any:
		for key, e := range v {
			if key == sentinel.Signature || hasUnknown(e) {
				return true
			}
		}
		return false
	}
	return true
}

// list reads a list of values. A list that is not known as a whole, or no list,
// is one unknown value.
func list(inputs map[string]any, key string) []value {
	switch v := inputs[key].(type) {
	case nil:
		return nil
	case []any:
		var out []value
		for _, e := range v {
			out = append(out, valueOf(e))
		}
		return out
	}
	return []value{{unknown: true}}
}

// objects reads a list of objects; known is false where it or an element of it
// is not one.
func objects(inputs map[string]any, key string) (out []map[string]any, known bool) {
	switch v := inputs[key].(type) {
	case nil:
		return nil, true
	case []any:
		for _, e := range v {
			m, ok := e.(map[string]any)
			if _, marked := m[sentinel.Signature]; !ok || marked {
				return nil, false
			}
			out = append(out, m)
		}
		return out, true
	}
	return nil, false
}

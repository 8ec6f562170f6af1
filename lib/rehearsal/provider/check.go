package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"delivery.internal/lib/iam"
)

// failure is a property that AWS would refuse.
type failure struct{ property, reason string }

// check holds a resource's inputs to what AWS accepts. Values that are not
// known yet are held to it again when the resource is created.
func (k *Kind) check(c *Call) []failure {
	v := &checker{secret: c.secret}
	values := maps.Clone(c.Inputs)
	if values == nil {
		values = map[string]any{}
	}
	maps.Copy(values, c.partial)
	v.checkObject("", k.Inputs, values)
	if len(v.failures) == 0 && k.Name != "" && c.Str(k.Name) == "" && !c.Unknown[k.Name] {
		v.fail(k.Name, "is not set: everything is named, requirement S15")
	}
	if len(v.failures) == 0 && k.Plan != nil {
		if err := k.Plan(c); err != nil {
			v.fail("", "%s", err)
		}
	}
	return v.failures
}

// checker gathers failures.
type checker struct {
	secret   map[string]bool
	failures []failure
}

func (v *checker) fail(property, format string, args ...any) {
	v.failures = append(v.failures, failure{property, fmt.Sprintf(format, args...)})
}

// showValue is a value in a message, unless it is secret.
func (v *checker) showValue(path string, in Input, s string) string {
	top := path
	if i := strings.IndexAny(path, ".["); i >= 0 {
		top = path[:i]
	}
	if in.Secret || v.secret[top] {
		return "a secret"
	}
	return fmt.Sprintf("%q", s)
}

func (v *checker) checkObject(path string, fields map[string]Input, values map[string]any) {
	at := func(k string) string { return strings.TrimPrefix(path+"."+k, ".") }
	for _, k := range slices.Sorted(maps.Keys(values)) {
		in, ok := fields[k]
		if !ok {
			v.fail(at(k), "is not an input that the local cloud knows: if AWS has it, describe it in lib/rehearsal/provider")
			continue
		}
		v.checkValue(at(k), in, values[k])
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if _, set := values[k]; fields[k].Required && !set {
			v.fail(at(k), "is required")
		}
	}
}

func (v *checker) checkValue(path string, in Input, value any) {
	if _, open := value.(unknown); open {
		return
	}
	switch in.Shape {
	case String:
		if s, ok := value.(string); ok {
			v.checkText(path, in, s)
			return
		}
		v.fail(path, "is %s: expected a string", shapeOf(value))
	case Number:
		n, ok := value.(float64)
		if !ok {
			v.fail(path, "is %s: expected a number", shapeOf(value))
		} else if n < in.Min || in.Max > 0 && n > in.Max {
			v.fail(path, "is %v: expected %s", n, boundsText(in))
		}
	case Bool:
		if _, ok := value.(bool); !ok {
			v.fail(path, "is %s: expected true or false", shapeOf(value))
		}
	case List:
		v.checkList(path, in, value)
	case Map, Object:
		v.checkMap(path, in, value)
	case Any:
	}
}

// shapeOf names a value's type as a user of Pulumi knows it.
func shapeOf(value any) string {
	switch v := value.(type) {
	case string:
		return "a string"
	case float64:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		if v["load"] != nil {
			return "an asset or archive"
		}
		return "an object"
	}
	return fmt.Sprintf("a %T", value)
}

func boundsText(in Input) string {
	if in.Max > 0 {
		return fmt.Sprintf("%.0f to %.0f", in.Min, in.Max)
	}
	return fmt.Sprintf("at least %.0f", in.Min)
}

func (v *checker) checkText(path string, in Input, s string) {
	n := float64(utf8.RuneCountInString(s))
	switch {
	case n < in.Min || in.Max > 0 && n > in.Max:
		v.fail(path, "has %v characters: expected %s", n, boundsText(in))
	case len(in.Enum) > 0 && !slices.Contains(in.Enum, s):
		v.fail(path, "is %s: expected one of %s", v.showValue(path, in, s), strings.Join(in.Enum, ", "))
	case in.Match != nil && !in.Match.MatchString(s):
		v.fail(path, "is %s: expected text that matches %s", v.showValue(path, in, s), strings.TrimSuffix(strings.TrimPrefix(in.Match.String(), "^(?:"), ")$"))
	case in.Policy != nil:
		if err := iam.Validate(*in.Policy, s, iam.Env{}); err != nil {
			v.fail(path, "%s", err)
		}
	}
}

func (v *checker) checkList(path string, in Input, value any) {
	l, ok := value.([]any)
	if !ok {
		v.fail(path, "is %s: expected a list", shapeOf(value))
		return
	}
	if n := float64(len(l)); n < in.Min || in.Max > 0 && n > in.Max {
		v.fail(path, "has %v elements: expected %s", n, boundsText(in))
	}
	for i, e := range l {
		if in.Elem != nil {
			v.checkValue(fmt.Sprintf("%s[%d]", path, i), *in.Elem, e)
		}
	}
}

func (v *checker) checkMap(path string, in Input, value any) {
	m, ok := value.(map[string]any)
	if !ok || m["load"] != nil {
		v.fail(path, "is %s: expected an object", shapeOf(value))
		return
	}
	if in.Shape == Object {
		v.checkObject(path, in.Fields, m)
		return
	}
	if path == "tags" {
		v.checkTags(m)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if in.Elem != nil {
			v.checkValue(path+"."+k, *in.Elem, m[k])
		}
	}
}

// Limits on tags. See "Tag naming limits and requirements" in the AWS General
// Reference.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

func (v *checker) checkTags(tags map[string]any) {
	if len(tags) > maxTags {
		v.fail("tags", "are %d: at most %d are allowed", len(tags), maxTags)
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		text, _ := tags[k].(string)
		switch {
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			v.fail("tags", "has the key %q: keys that begin with aws: are reserved", k)
		case k == "" || utf8.RuneCountInString(k) > maxTagKey:
			v.fail("tags", "has the key %q: expected 1 to %d characters", k, maxTagKey)
		case utf8.RuneCountInString(text) > maxTagValue:
			v.fail("tags", "has a value of more than %d characters for %q", maxTagValue, k)
		}
	}
}

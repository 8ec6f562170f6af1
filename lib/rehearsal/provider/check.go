package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"delivery/lib/rehearsal/iam"
)

// failure is a property that AWS would refuse.
type failure struct{ property, reason string }

// check holds a resource's inputs to what AWS accepts. Values that are not
// known yet are held to it again when the resource is created.
func (k *Kind) check(c *Call) []failure {
	v := &checker{}
	v.object("", k.Inputs, c.Inputs, c.Unknown)
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
type checker struct{ failures []failure }

func (v *checker) fail(property, format string, args ...any) {
	v.failures = append(v.failures, failure{property, fmt.Sprintf(format, args...)})
}

func (v *checker) object(path string, fields map[string]Input, values map[string]any, unknown map[string]bool) {
	at := func(k string) string { return strings.TrimPrefix(path+"."+k, ".") }
	for _, k := range slices.Sorted(maps.Keys(values)) {
		in, ok := fields[k]
		if !ok {
			v.fail(at(k), "is no input that the local cloud knows")
			continue
		}
		v.value(at(k), in, values[k])
	}
	for _, k := range slices.Sorted(maps.Keys(unknown)) {
		if _, ok := fields[k]; !ok {
			v.fail(at(k), "is no input that the local cloud knows")
		}
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if _, set := values[k]; fields[k].Required && !set && !unknown[k] {
			v.fail(at(k), "is required")
		}
	}
}

func (v *checker) value(path string, in Input, value any) {
	switch in.Shape {
	case String:
		if s, ok := value.(string); ok {
			v.text(path, in, s)
			return
		}
		v.fail(path, "is %T: expected a string", value)
	case Number:
		n, ok := value.(float64)
		if !ok {
			v.fail(path, "is %T: expected a number", value)
		} else if n < in.Min || in.Max > 0 && n > in.Max {
			v.fail(path, "is %v: expected %v to %v", n, in.Min, in.Max)
		}
	case Bool:
		if _, ok := value.(bool); !ok {
			v.fail(path, "is %T: expected true or false", value)
		}
	case List:
		v.list(path, in, value)
	case Map, Object:
		v.fields(path, in, value)
	case Any:
	}
}

func (v *checker) text(path string, in Input, s string) {
	n := float64(utf8.RuneCountInString(s))
	switch {
	case n < in.Min || in.Max > 0 && n > in.Max:
		v.fail(path, "has %v characters: expected %v to %v", n, in.Min, in.Max)
	case len(in.Enum) > 0 && !slices.Contains(in.Enum, s):
		v.fail(path, "is %q: expected one of %s", s, strings.Join(in.Enum, ", "))
	case in.Match != nil && in.Match.FindString(s) != s:
		v.fail(path, "is %q: expected text that matches %s", s, in.Match)
	case in.Policy != nil:
		if err := iam.Validate(*in.Policy, s, iam.Env{}); err != nil {
			v.fail(path, "%s", err)
		}
	}
}

func (v *checker) list(path string, in Input, value any) {
	l, ok := value.([]any)
	if !ok {
		v.fail(path, "is %T: expected a list", value)
		return
	}
	if n := float64(len(l)); n < in.Min || in.Max > 0 && n > in.Max {
		v.fail(path, "has %v elements: expected %v to %v", n, in.Min, in.Max)
	}
	for i, e := range l {
		if in.Elem != nil {
			v.value(fmt.Sprintf("%s[%d]", path, i), *in.Elem, e)
		}
	}
}

func (v *checker) fields(path string, in Input, value any) {
	m, ok := value.(map[string]any)
	if !ok {
		v.fail(path, "is %T: expected an object", value)
		return
	}
	if in.Shape == Object {
		v.object(path, in.Fields, m, nil)
		return
	}
	if path == "tags" {
		v.tags(m)
	}
	for k, e := range m {
		if in.Elem != nil {
			v.value(path+"."+k, *in.Elem, e)
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

func (v *checker) tags(tags map[string]any) {
	if len(tags) > maxTags {
		v.fail("tags", "are %d: at most %d are allowed", len(tags), maxTags)
	}
	for k, e := range tags {
		text, _ := e.(string)
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

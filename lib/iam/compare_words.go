package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// grouped gathers atoms by their statement.
func grouped(atoms []atom) [][]atom {
	var out [][]atom
	for i, a := range atoms {
		if i == 0 || a.statement != atoms[i-1].statement {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], a)
	}
	return out
}

// newlyAllowed says what of a statement that allows was not allowed before.
// Where only conditions stood in the way, these are named.
func newlyAllowed(kind Kind, group, was []atom) []Broadening {
	var fresh []atom
	lost := map[string][]atom{} // by the conditions that went
	for _, a := range group {
		if slices.ContainsFunc(was, func(b atom) bool { return b.allow && b.covers(a) }) {
			continue
		}
		went := ""
		for _, b := range was {
			if b.allow && b.speaksOf(a) {
				if text := conditionsText(b.lacking(a)); went == "" || len(text) < len(went) {
					went = text
				}
			}
		}
		if went == "" {
			fresh = append(fresh, a)
		} else {
			lost[went] = append(lost[went], a)
		}
	}
	out := describe(kind, fresh, func(b Broadening) string {
		return fmt.Sprintf("%s may call %s on %s%s", listed(b.Principals), listed(b.Actions), listed(b.Resources), onlyIf(b.Conditions))
	})
	for _, went := range slices.Sorted(maps.Keys(lost)) {
		out = append(out, describe(kind, lost[went], func(b Broadening) string {
			return fmt.Sprintf("%s may call %s on %s%s: no longer only if %s", listed(b.Principals), listed(b.Actions), listed(b.Resources), onlyIf(b.Conditions), went)
		})...)
	}
	return out
}

func noLongerDenied(kind Kind, group, is []atom) []Broadening {
	var open []atom
	for _, a := range group {
		if !slices.ContainsFunc(is, func(b atom) bool { return !b.allow && b.covers(a) }) {
			open = append(open, a)
		}
	}
	return describe(kind, open, func(b Broadening) string {
		return fmt.Sprintf("%s on %s is no longer always denied to %s%s", listed(b.Actions), listed(b.Resources), listed(b.Principals), onlyIf(b.Conditions))
	})
}

// describe joins atoms that share principal and resource, then those that
// share the actions, and puts each set into words.
func describe(kind Kind, atoms []atom, sentence func(Broadening) string) []Broadening {
	var out []Broadening
	same := func(key func(Broadening) string, b Broadening) int {
		return slices.IndexFunc(out, func(o Broadening) bool { return key(o) == key(b) })
	}
	for _, a := range atoms {
		b := Broadening{Principals: a.principal.words(whose(kind), "everybody"), Actions: a.action.words("every action", "every action"),
			Resources: a.resource.words(kind.everyResource(), "every resource"), Conditions: a.conditions}
		if i := same(func(b Broadening) string {
			return strings.Join(b.Principals, ",") + " " + strings.Join(b.Resources, ",")
		}, b); i >= 0 {
			out[i].Actions = union(out[i].Actions, b.Actions)
		} else {
			out = append(out, b)
		}
	}
	out = joined(out, func(b *Broadening) *[]string { return &b.Resources }, func(b Broadening) []string { return append(slices.Clone(b.Principals), b.Actions...) })
	out = joined(out, func(b *Broadening) *[]string { return &b.Principals }, func(b Broadening) []string { return append(slices.Clone(b.Resources), b.Actions...) })
	for i := range out {
		out[i].Sentence = sentence(out[i])
	}
	return out
}

// joined merges one list of broadenings that are alike in all others.
func joined(list []Broadening, field func(*Broadening) *[]string, key func(Broadening) []string) []Broadening {
	var out []Broadening
	for _, b := range list {
		i := slices.IndexFunc(out, func(o Broadening) bool { return slices.Equal(key(o), key(b)) })
		if i < 0 {
			out = append(out, b)
			continue
		}
		*field(&out[i]) = union(*field(&out[i]), *field(&b))
	}
	return out
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clone(a), s)
		}
	}
	return a
}

// words names an element: "*" by its own word, a negated one as all but a list.
func (e element) words(star, all string) []string {
	var list []string
	for _, t := range e.list {
		list = append(list, t.value)
	}
	switch {
	case e.negated && len(list) == 0:
		return []string{all}
	case e.negated:
		return []string{all + " but " + listed(list)}
	case e.isEverything():
		return []string{star}
	}
	return list
}

func whose(kind Kind) string {
	if kind.attachedToResource() || kind == Trust {
		return "everybody"
	}
	return "whoever has this " + kind.String()
}

func (k Kind) everyResource() string {
	switch {
	case k == Trust:
		return "this role"
	case k.Service == "kms" || k.Service == "ecr":
		return "this resource"
	}
	return "every resource"
}

func listed(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}

func onlyIf(conditions []Condition) string {
	if len(conditions) == 0 {
		return ""
	}
	return " if " + conditionsText(conditions)
}

func conditionsText(conditions []Condition) string {
	var out []string
	for _, c := range conditions {
		out = append(out, c.String())
	}
	return strings.Join(out, " and ")
}

// String writes the condition for a sentence.
func (c Condition) String() string {
	return fmt.Sprintf("%s %s [%s]", c.Key, c.Operator, strings.Join(c.Values, ", "))
}

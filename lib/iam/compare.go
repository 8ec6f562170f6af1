package iam

import (
	"cmp"
	"fmt"
	"slices"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
)

// Verdict is the outcome of a comparison of what is allowed.
type Verdict int

// The verdicts, from harmless to not.
const (
	Unchanged Verdict = iota // nothing more and nothing less is allowed
	Narrowed                 // nothing more is allowed
	Broadened                // something more may be allowed
)

// String names the verdict in sentences.
func (v Verdict) String() string { return [...]string{"unchanged", "narrowed", "broadened"}[v] }

// Broadening is a set of requests that was refused, or was not shown to be
// allowed, and may be allowed now.
type Broadening struct {
	// Principals, Actions and Resources are what it is about, as sentences name
	// them. Empty where that is not known.
	Principals, Actions, Resources []string
	// Conditions must be met for it.
	Conditions []Condition
	// Sentence says what becomes possible.
	Sentence string
}

// Compare compares two documents of a kind as sets of requests. An empty text
// is a policy that is not there. What can't be read or compared is broadened:
// the comparison never calls unchanged or narrowed what allows a request, by
// Evaluate, that was refused.
//
// A statement that allows is held to single statements of the document before,
// action by action and resource by resource; a statement that denies must live
// on in a single one. Splitting or joining statements along conditions may
// therefore be called broadened although it is not.
func Compare(kind Kind, before, after string) (Verdict, []Broadening) {
	if before == after {
		return Unchanged, nil
	}
	more := broadenings(kind, before, after)
	switch {
	case len(more) > 0:
		return Broadened, more
	case len(broadenings(kind, after, before)) > 0:
		return Narrowed, nil
	}
	return Unchanged, nil
}

func broadenings(kind Kind, before, after string) []Broadening {
	b, err := parseOptional(before)
	if err != nil {
		return []Broadening{{Sentence: fmt.Sprintf("what the %s allowed before can't be read, so anything it allows now counts as new: %v", kind, err)}}
	}
	a, err := parseOptional(after)
	if err != nil {
		return []Broadening{{Sentence: fmt.Sprintf("what the %s will allow can't be read, so it may allow anything: %v", kind, err)}}
	}
	was, is := atomsOf(kind, b), atomsOf(kind, a)
	var out []Broadening
	for _, group := range grouped(is) {
		if group[0].allow {
			out = append(out, newlyAllowed(kind, group, was)...)
		}
	}
	for _, group := range grouped(was) {
		if !group[0].allow {
			out = append(out, noLongerDenied(kind, group, is)...)
		}
	}
	return out
}

func parseOptional(text string) (Document, error) {
	if text == "" {
		return Document{}, nil
	}
	return parseCached(text)
}

// element is one Action, Resource or Principal of a statement or, negated, all
// that a NotAction, NotResource or NotPrincipal leaves.
type element struct {
	negated bool
	list    []text
}

// atom is the smallest piece of a statement: one action on one resource by one
// principal, under all conditions.
type atom struct {
	statement                   int
	allow                       bool
	action, resource, principal element
	conditions                  []Condition
	variables                   bool
}

func atomsOf(kind Kind, d Document) []atom {
	variables := d.Version == Version
	attached := kind.attachedToResource() || kind == Trust
	var out []atom
	for _, s := range d.Statements {
		allow := s.Effect == "Allow"
		for _, p := range s.principalElements(attached, allow) {
			for _, a := range elements(s.hasElement("NotAction"), s.Action, s.NotAction, variables) {
				for _, r := range s.resourceElements(attached, variables) {
					out = append(out, atom{s.Index, allow, a, r, p, s.Conditions, variables})
				}
			}
		}
	}
	return out
}

func elements(negated bool, list, notList []string, variables bool) []element {
	texts := func(list []string) (out []text) {
		for _, s := range list {
			out = append(out, text{s, variables})
		}
		return out
	}
	if negated {
		return []element{{true, texts(notList)}}
	}
	var out []element
	for _, t := range texts(list) {
		out = append(out, element{false, []text{t}})
	}
	return out
}

var everything = element{false, []text{{value: "*"}}}

func (s Statement) resourceElements(attached, variables bool) []element {
	if !s.hasElement("Resource") && !s.hasElement("NotResource") {
		if attached {
			return []element{everything}
		}
		return nil // evaluates to nothing
	}
	return elements(s.hasElement("NotResource"), s.Resource, s.NotResource, variables)
}

func (s Statement) principalElements(attached, allow bool) []element {
	switch {
	case s.NotPrincipal != nil:
		return []element{{true, s.NotPrincipal.texts()}}
	case s.Principal != nil:
		var out []element
		for _, t := range s.Principal.texts() {
			out = append(out, element{false, []text{t}})
		}
		return out
	case attached && allow:
		return nil // an Allow without principals grants nothing
	}
	return []element{everything}
}

// texts are the principals as the kinds and names that sentences use.
func (p *Principals) texts() []text {
	if p.Everyone || slices.Contains(p.AWS, "*") {
		return []text{{value: "*"}}
	}
	var out []text
	for _, a := range p.AWS {
		if awsname.Account.Allows(a) {
			a = arns.Root(a)
		}
		out = append(out, text{value: a})
	}
	for _, list := range [][]string{p.Service, p.Federated, p.CanonicalUser} {
		for _, name := range list {
			out = append(out, text{value: name})
		}
	}
	return out
}

// covers says whether an element includes all of another one.
func (e element) covers(small element, includes, overlaps func(big, small text) bool) bool {
	every := func(list []text, f func(text) bool) bool {
		return !slices.ContainsFunc(list, func(t text) bool { return !f(t) })
	}
	switch {
	case !e.negated && !small.negated:
		return every(small.list, func(s text) bool {
			return slices.ContainsFunc(e.list, func(b text) bool { return includes(b, s) })
		})
	case e.negated && !small.negated:
		return every(small.list, func(s text) bool {
			return !slices.ContainsFunc(e.list, func(n text) bool { return overlaps(n, s) })
		})
	case e.negated && small.negated:
		return every(e.list, func(n text) bool {
			return slices.ContainsFunc(small.list, func(m text) bool { return includes(m, n) })
		})
	}
	return e.isEverything() // of what is left out nothing else is known
}

func (e element) isEverything() bool {
	return !e.negated && slices.ContainsFunc(e.list, func(t text) bool { return t.value == "*" })
}

// covers says whether all that small speaks of is spoken of by a.
func (a atom) covers(small atom) bool { return a.speaksOf(small) && len(a.lacking(small)) == 0 }

// speaksOf is covers without the conditions.
func (a atom) speaksOf(small atom) bool {
	return a.coversPrincipal(small) && a.action.covers(small.action, actionIncludes, actionsOverlap) &&
		a.resource.covers(small.resource, resourceIncludes, resourcesOverlap)
}

// coversPrincipal compares who is meant. For Allow a name also says how far the
// grant carries: one to an account only lets the account's own policies decide,
// one to a role in it needs no more, so that neither includes the other. A Deny
// for an account denies everybody in it.
func (a atom) coversPrincipal(small atom) bool {
	same := func(x, y text) bool { return x.value == y.value }
	switch {
	case a.principal.isEverything():
		return true
	case a.principal.negated != small.principal.negated:
		return false
	case a.allow || a.principal.negated:
		return a.principal.covers(small.principal, same, same)
	}
	return a.principal.covers(small.principal, func(big, s text) bool {
		account := arns.Of(big.value).Account
		return same(big, s) || big.value == arns.Root(account) && accountOf(s.value) == account
	}, same)
}

// accountOf is the account of a principal's ARN, or its whole name.
func accountOf(principal string) string {
	return cmp.Or(arns.Of(principal).Account, principal)
}

// lacking returns the conditions of a that small does not imply.
func (a atom) lacking(small atom) []Condition {
	var out []Condition
	for _, c := range a.conditions {
		if !slices.ContainsFunc(small.conditions, func(s Condition) bool { return s.implies(c, small.variables, a.variables) }) {
			out = append(out, c)
		}
	}
	return out
}

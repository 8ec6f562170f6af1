package leastprivilege

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"delivery.internal/lib/iam"
	"delivery.internal/lib/iam/reference"
)

// Result is what was found out about a recording.
type Result struct {
	// Calls are the recorded calls, equal ones once; Statements those that allow.
	Calls, Statements int
	// Tried are the parts that were taken out, and Noticed those that a call
	// misses, or by which a call that differs is refused.
	Tried, Noticed int
	// Unnoticed are the others.
	Unnoticed []Part
	// NeverCarried are conditions of statements that allow an action whose
	// requests never carry their key.
	NeverCarried []Part
}

// Prove takes every part out of every policy of a recording.
func Prove(r *Recording) (Result, error) {
	calls := index(r)
	out := Result{Calls: len(r.Calls)}
	noticed, statements := map[Part]bool{}, map[[2]string]bool{}
	for _, ref := range slices.Sorted(maps.Keys(r.Policies)) {
		p := r.Policies[ref]
		for _, version := range p.Versions {
			all, err := mutants(p.Name, r.Documents[version])
			if err != nil {
				return out, err
			}
			for _, m := range all {
				statements[[2]string{m.Policy, m.Statement}] = true
				if !noticed[m.Part] {
					noticed[m.Part] = r.notices(calls[Ref{ref, version}], Ref{ref, version}, m)
				}
			}
			out.NeverCarried = append(out.NeverCarried, neverCarried(p.Name, r.Documents[version])...)
		}
	}
	out.Statements = len(statements)
	for part, seen := range noticed {
		out.Tried++
		if seen {
			out.Noticed++
		} else {
			out.Unnoticed = append(out.Unnoticed, part)
		}
	}
	slices.SortFunc(out.Unnoticed, compareParts)
	slices.SortFunc(out.NeverCarried, compareParts)
	out.NeverCarried = slices.Compact(out.NeverCarried)
	return out, nil
}

func compareParts(a, b Part) int { return cmp.Compare(a.String(), b.String()) }

// index lists the calls that a policy was asked about.
func index(r *Recording) map[Ref][]*Call {
	out := map[Ref][]*Call{}
	for i := range r.Calls {
		c := &r.Calls[i]
		refs := slices.Clone(c.Identity)
		for _, one := range []*Ref{c.Boundary, c.OfResource} {
			if one != nil && !slices.Contains(refs, *one) {
				refs = append(refs, *one)
			}
		}
		for _, ref := range refs {
			out[ref] = append(out[ref], c)
		}
	}
	return out
}

// notices says whether it makes a difference that a part is missing.
func (r *Recording) notices(calls []*Call, ref Ref, m mutant) bool {
	return slices.ContainsFunc(calls, func(c *Call) bool {
		if m.Kind != partCondition {
			return !r.allowed(c, c.Context, ref, m.document)
		}
		return slices.ContainsFunc(strangers(c, m), func(context map[string][]string) bool {
			return !r.allowed(c, context, Ref{}, "") && r.allowed(c, context, ref, m.document)
		})
	})
}

// allowed asks about a call with a document in the place of a policy's own.
func (r *Recording) allowed(c *Call, context map[string][]string, ref Ref, document string) bool {
	named := func(one Ref) iam.Named {
		if one == ref {
			return iam.Named{Name: one.Policy, Document: document}
		}
		return iam.Named{Name: one.Policy, Document: r.Documents[one.Document]}
	}
	var p iam.Policies
	for _, one := range c.Identity {
		p.Identity = append(p.Identity, named(one))
	}
	if c.Boundary != nil {
		n := named(*c.Boundary)
		p.Boundary = &n
	}
	if c.OfResource != nil {
		n := named(*c.OfResource)
		p.Resource = &n
	}
	q := iam.Request{Principal: c.Principal, Action: c.Action, Resource: c.Resource, ResourceAccount: c.ResourceAccount, Context: context}
	return iam.Evaluate(q, p).Allowed
}

// strangers are calls that differ from one in the key of a condition alone:
// without it, with another value, and with another value beside its own.
func strangers(c *Call, m mutant) []map[string][]string {
	own := c.Context[m.key]
	var out []map[string][]string
	for _, values := range [][]string{nil, {foreign(m.operator, own)}, append(slices.Clone(own), foreign(m.operator, own))} {
		context := map[string][]string{}
		for key, v := range c.Context {
			if !strings.EqualFold(key, m.key) {
				context[key] = v
			}
		}
		context[m.key] = values
		out = append(out, context)
	}
	return out
}

// foreign is a value that no policy of the platform names.
func foreign(operator string, own []string) string {
	switch {
	case strings.Contains(operator, "Bool"):
		if slices.Contains(own, "true") {
			return "false"
		}
		return "true"
	case strings.Contains(operator, "Arn"):
		return "arn:aws:iam::999999999999:role/stranger"
	case strings.Contains(operator, "Numeric"):
		return "999999999"
	}
	return "stranger"
}

// neverCarried lists the conditions of a document whose key no request for one
// of the statement's actions carries.
func neverCarried(policy, document string) []Part {
	var out []Part
	_, statements, _ := parse(document) // mutants has read it
	for i, s := range statements {
		conditions, _ := s["Condition"].(map[string]any)
		for operator, keys := range conditions {
			for key := range keys.(map[string]any) {
				for _, action := range list(s["Action"]) {
					if name, ok := action.(string); ok && s["Effect"] == "Allow" && !reference.Carries(name, key) {
						out = append(out, Part{policy, sid(s, i), partCondition, operator + " " + key + " for " + name})
					}
				}
			}
		}
	}
	return out
}

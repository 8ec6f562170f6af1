package iam

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"delivery.internal/lib/aws/arns"
)

// Decision is the answer to a request.
type Decision struct {
	Allowed bool
	// Explicit marks a refusal by a Deny statement.
	Explicit bool
	// By names the policies and statements that decided.
	By string
	// Reason says who, what, which resource, and which statement decided or
	// was missing. It can follow "because".
	Reason string
}

// Evaluate decides a request. See "Policy evaluation logic", "How AWS
// enforcement code logic evaluates requests" and "Cross-account policy
// evaluation logic". A policy that can't be read denies everything.
func Evaluate(r Request, p Policies) Decision {
	e, err := newEvaluation(r, p)
	if err != nil {
		return Decision{Explicit: true, By: "an unreadable policy", Reason: err.Error()}
	}
	// "No permissions are required to perform this operation", and even an
	// explicit deny has no effect (API reference of GetCallerIdentity).
	if strings.EqualFold(r.Action, "sts:GetCallerIdentity") {
		return Decision{Allowed: true, By: "AWS", Reason: "sts:GetCallerIdentity needs no permission"}
	}
	if f := e.denial(); f != nil {
		return Decision{Explicit: true, By: f.String(), Reason: fmt.Sprintf("%s explicitly denies %s", f, e.describeRequest())}
	}
	if r.Principal.Kind == Root && strings.HasPrefix(strings.ToLower(r.Action), "sts:assumerole") {
		return e.refuse("roles may not be assumed by the root user of an account: " + e.describeRequest())
	}
	if r.Principal.Kind == Service {
		return e.forService()
	}
	if len(e.scp) > 0 && e.allow(e.scp) == nil {
		return e.refuse(e.missingStatement("service control policy", e.scp))
	}
	if r.crossAccount() {
		return e.acrossAccounts()
	}
	return e.inAccount()
}

// evaluation is a request with its policies, parsed.
type evaluation struct {
	Request
	vars                                       variables
	identity, boundary, session, resource, scp []policy
}

type policy struct {
	kind, name string
	doc        Document
}

func (p policy) String() string { return p.kind + " " + p.name }

// finding is a statement that applies.
type finding struct {
	policy policy
	s      Statement
}

func (f finding) String() string { return f.s.label() + " of " + f.policy.String() }

// parsed remembers documents: a rehearsal asks the same few policies thousands
// of times.
var parsed sync.Map

type parseResult struct {
	doc Document
	err error
}

func parseCached(text string) (Document, error) {
	if v, ok := parsed.Load(text); ok {
		return v.(parseResult).doc, v.(parseResult).err
	}
	doc, err := Parse(text)
	parsed.Store(text, parseResult{doc, err})
	return doc, err
}

func newEvaluation(r Request, p Policies) (*evaluation, error) {
	e := &evaluation{Request: r, vars: r.contextValues()}
	var failed error
	load := func(kind string, list ...Named) (out []policy) {
		for _, n := range list {
			doc, err := parseCached(n.Document)
			if err != nil && failed == nil {
				failed = fmt.Errorf("the %s %s can't be evaluated for %s: %w", kind, n.Name, e.describeRequest(), err)
			}
			out = append(out, policy{kind, n.Name, doc})
		}
		return out
	}
	optional := func(kind string, n *Named) []policy {
		if n == nil {
			return nil
		}
		return load(kind, *n)
	}
	e.identity = load("identity policy", p.Identity...)
	e.scp = load("service control policy", p.SCP...)
	e.boundary = optional("permissions boundary", p.Boundary)
	e.session = optional("session policy", p.Session)
	e.resource = optional("resource policy", p.Resource)
	return e, failed
}

// describeRequest says who does what on which resource.
func (e *evaluation) describeRequest() string {
	return fmt.Sprintf("%s %s on %s", e.Principal.ARN, e.Action, e.Resource)
}

func (e *evaluation) refuse(reason string) Decision { return Decision{Reason: reason} }

func (e *evaluation) grant(findings ...*finding) Decision {
	var by []string
	for _, f := range findings {
		if f != nil {
			by = append(by, f.String())
		}
	}
	text := strings.Join(by, " and ")
	return Decision{Allowed: true, By: text, Reason: fmt.Sprintf("%s allows %s", text, e.describeRequest())}
}

// denial returns a Deny statement that applies. An explicit deny in any policy
// overrides every allow. Service control policies, boundaries and identity
// policies do not speak of services.
func (e *evaluation) denial() *finding {
	lists := [][]policy{e.resource}
	if e.Principal.Kind != Service {
		lists = append(lists, e.scp, e.identity, e.boundary, e.session)
	}
	for _, list := range lists {
		for _, p := range list {
			for _, s := range p.doc.Statements {
				if s.Effect != "Allow" && e.appliesTo(p, s) {
					return &finding{p, s}
				}
			}
		}
	}
	return nil
}

// allow returns the first Allow statement of identity-like policies that applies.
func (e *evaluation) allow(list []policy) *finding {
	for _, p := range list {
		for _, s := range p.doc.Statements {
			if s.Effect == "Allow" && e.appliesTo(p, s) {
				return &finding{p, s}
			}
		}
	}
	return nil
}

// resourceGrant returns the strongest grant of the resource's policy.
func (e *evaluation) resourceGrant() (reach, *finding) {
	best, by := noReach, (*finding)(nil)
	for _, p := range e.resource {
		for _, s := range p.doc.Statements {
			if s.Effect == "Allow" && e.appliesTo(p, s) {
				if r := s.reachesResource(e.Principal); r > best {
					best, by = r, &finding{p, s}
				}
			}
		}
	}
	return best, by
}

// forService decides for an AWS service, which has no identity policy: the
// resource's policy must name it.
func (e *evaluation) forService() Decision {
	if reach, by := e.resourceGrant(); reach != noReach {
		return e.grant(by)
	}
	return e.refuse(e.missingStatement("resource policy", e.resource))
}

// inAccount decides where principal and resource are in one account: the
// identity's or the resource's policy suffices, except for KMS keys and roles,
// whose own policy must always agree. See "How permissions boundaries and
// session policies affect a grant by a resource-based policy" in "AWS JSON
// policy elements: Principal": a grant to a session, a user or everyone is not
// limited by their implicit deny, a grant to a role is.
func (e *evaluation) inAccount() Decision {
	reach, by := e.resourceGrant()
	switch reach {
	case reachDirect:
		return e.grant(by)
	case reachRole:
		if limited := e.limitedBy(); limited != nil {
			return *limited
		}
		return e.grant(by)
	}
	if e.resourceDecides() && reach == noReach {
		return e.refuse(e.missingStatement("resource policy", e.resource))
	}
	id, refused := e.identityGrant()
	if refused != nil {
		return *refused
	}
	return e.grant(id, by)
}

// acrossAccounts decides where the accounts differ: both sides must allow.
func (e *evaluation) acrossAccounts() Decision {
	reach, by := e.resourceGrant()
	if reach == noReach {
		return e.refuse(e.missingStatement("resource policy", e.resource))
	}
	id, refused := e.identityGrant()
	if refused != nil {
		return *refused
	}
	return e.grant(id, by)
}

// identityGrant is the identity's side: its policies, cut by boundary and
// session policy. The root user needs no policy.
func (e *evaluation) identityGrant() (*finding, *Decision) {
	if e.Principal.Kind == Root {
		return &finding{policy{"account", e.Principal.Account, Document{}}, Statement{Sid: "root user"}}, nil
	}
	by := e.allow(e.identity)
	if by == nil {
		d := e.refuse(e.missingStatement("identity policy", e.identity))
		return nil, &d
	}
	return by, e.limitedBy()
}

// limitedBy returns the refusal of the permissions boundary or session policy, if any.
func (e *evaluation) limitedBy() *Decision {
	for _, limit := range []struct {
		kind string
		list []policy
	}{{"permissions boundary", e.boundary}, {"session policy", e.session}} {
		if len(limit.list) > 0 && e.allow(limit.list) == nil {
			d := e.refuse(e.missingStatement(limit.kind, limit.list))
			return &d
		}
	}
	return nil
}

// resourceDecides says whether the resource's own policy must allow, even in
// the same account. See "Key policies in AWS KMS" ("no AWS principal …
// has any permissions to a KMS key unless they are explicitly allowed") and
// "Troubleshoot IAM roles" for trust policies.
func (e *evaluation) resourceDecides() bool {
	on, action := arns.Of(e.Resource), strings.ToLower(e.Action)
	return on.Service == "kms" && strings.HasPrefix(on.Resource, "key/") ||
		on.Service == "iam" && strings.HasPrefix(action, "sts:")
}

// appliesTo says whether a statement speaks of the request.
func (e *evaluation) appliesTo(p policy, s Statement) bool {
	return s.aboutPrincipal(e.Principal) && s.aboutAction(e.Action) && e.aboutResource(p, s) && e.unmetConditions(p, s) == nil
}

func (s Statement) aboutAction(action string) bool {
	about := func(list []string) bool {
		return slices.ContainsFunc(list, func(a string) bool { return matchAction(a, action) })
	}
	if s.hasElement("NotAction") {
		return !about(s.NotAction)
	}
	return about(s.Action)
}

// aboutResource compares resources, with regard to case. A policy attached to
// a resource may leave the element out (trust and repository policies).
func (e *evaluation) aboutResource(p policy, s Statement) bool {
	vars := e.varsOf(p)
	about := func(list []string) bool {
		return slices.ContainsFunc(list, func(text string) bool {
			pattern, ok := compile(text, true, vars)
			return ok && matchARN(pattern, e.Resource, true)
		})
	}
	switch {
	case s.hasElement("NotResource"):
		return !about(s.NotResource)
	case s.hasElement("Resource"):
		return about(s.Resource)
	}
	return p.kind == "resource policy"
}

// unmetConditions returns the first condition that is not met: all must be.
func (e *evaluation) unmetConditions(p policy, s Statement) *Condition {
	for _, c := range s.Conditions {
		if !c.isMet(e.vars, e.varsOf(p)) {
			return &c
		}
	}
	return nil
}

// varsOf returns the policy variables, which only exist in the current version
// of the language: in older policies ${…} is text.
func (e *evaluation) varsOf(p policy) variables {
	if p.doc.Version != Version {
		return nil
	}
	return e.vars
}

// reach is how far an Allow of a resource policy carries, weakest first.
type reach int

const (
	noReach      reach = iota
	reachAccount       // delegates to the identity policies of the account
	reachRole          // grants to the role, within boundary and session policy
	reachDirect        // grants to exactly this session, user or service, or to everyone
)

// aboutPrincipal says whether a statement speaks of a principal; identity
// policies have no Principal and speak of their owner.
func (s Statement) aboutPrincipal(who Principal) bool {
	if s.NotPrincipal != nil {
		return !s.NotPrincipal.exemptsPrincipal(who)
	}
	return s.Principal == nil || s.Principal.reachesPrincipal(who) != noReach
}

func (s Statement) reachesResource(who Principal) reach {
	switch {
	case s.NotPrincipal != nil && !s.NotPrincipal.exemptsPrincipal(who):
		return reachAccount // Allow with NotPrincipal is unsupported: give it the least
	case s.Principal != nil:
		return s.Principal.reachesPrincipal(who)
	}
	return noReach
}

func (p *Principals) reachesPrincipal(who Principal) reach {
	if p.Everyone || slices.Contains(p.AWS, "*") {
		return reachDirect
	}
	if who.Kind == Service {
		if slices.Contains(p.Service, who.ARN) {
			return reachDirect
		}
		return noReach
	}
	best := noReach
	for _, aws := range p.AWS {
		switch {
		case aws == who.ARN:
			best = max(best, reachDirect)
		case aws == who.principalARN() && who.Kind == User:
			best = max(best, reachDirect)
		case aws == who.principalARN():
			best = max(best, reachRole)
		case aws == who.Account || aws == arns.Root(who.Account):
			best = max(best, reachAccount)
		}
	}
	return best
}

// exemptsPrincipal says whether NotPrincipal leaves a principal out: only where every
// ARN of it is listed, for a session those of account, role and session. See
// "AWS JSON policy elements: NotPrincipal".
func (p *Principals) exemptsPrincipal(who Principal) bool {
	if p.Everyone || slices.Contains(p.AWS, "*") {
		return true
	}
	if who.Kind == Service {
		return slices.Contains(p.Service, who.ARN)
	}
	account := slices.Contains(p.AWS, who.Account) || slices.Contains(p.AWS, arns.Root(who.Account))
	return account && (who.Kind == Root || slices.Contains(p.AWS, who.ARN) && slices.Contains(p.AWS, who.principalARN()))
}

// Package iampolicy builds and reads IAM policy documents as typed data.
//
// Statements are written as
//
//	iampolicy.Allow("s3:GetObject").On(bucket+"/*").When(iampolicy.StringEquals("aws:PrincipalArn", role))
//
// and a Document is rendered once, by JSON, which refuses what the platform's
// rules forbid: an unknown action, a wildcard in an action, a bare "*"
// resource that was not asked for by name (see AnyResource), a statement
// without actions or resources. The same types parse policies back, so that
// tests walk typed documents and never search strings.
package iampolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/iam/reference"
)

// Version is the policy language version of every document.
const Version = "2012-10-17"

// Effects of a statement.
const (
	EffectAllow = "Allow"
	EffectDeny  = "Deny"
)

// Document is a policy document.
type Document struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Statement is one statement of a document. Build it with Allow or Deny.
type Statement struct {
	Sid       string     `json:"Sid,omitempty"`
	Effect    string     `json:"Effect"`
	Principal *Principal `json:"Principal,omitempty"`
	Action    Strings    `json:"Action"`
	Resource  Strings    `json:"Resource,omitempty"`
	Condition Conditions `json:"Condition,omitempty"`

	anyResource string // why "*" is allowed here; never rendered
	resourced   bool   // whether the policy kind takes no Resource element
	conflict    string // a condition that was given twice; the second would replace the first
}

// Strings is a list that IAM writes as a single string where it has one item.
type Strings []string

// MarshalJSON renders a single item as a string.
func (s Strings) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

// UnmarshalJSON accepts a string or a list of strings.
func (s *Strings) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = Strings{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(s))
}

// Principal is who a resource policy speaks of. Everyone stands for "*".
type Principal struct {
	Everyone bool
	AWS      Strings
	Service  Strings
}

type principalJSON struct {
	AWS     Strings `json:"AWS,omitempty"`
	Service Strings `json:"Service,omitempty"`
}

// MarshalJSON renders the principal as IAM writes it.
func (p Principal) MarshalJSON() ([]byte, error) {
	if p.Everyone {
		return []byte(`"*"`), nil
	}
	return json.Marshal(principalJSON{AWS: p.AWS, Service: p.Service})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Principal) UnmarshalJSON(b []byte) error {
	if string(b) == `"*"` {
		p.Everyone = true
		return nil
	}
	var j principalJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	p.AWS, p.Service = j.AWS, j.Service
	return nil
}

// Conditions maps an operator to condition keys to values.
type Conditions map[string]map[string]Strings

// Condition is one operator applied to one key.
type Condition struct {
	Operator, Key string
	Values        []string
}

// StringEquals is met when the key has one of the values.
func StringEquals(key string, values ...string) Condition {
	return Condition{"StringEquals", key, values}
}

// StringLike is met when the key matches one of the patterns.
func StringLike(key string, values ...string) Condition {
	return Condition{"StringLike", key, values}
}

// ArnEquals is met when the key is one of the ARNs.
func ArnEquals(key string, values ...string) Condition {
	return Condition{"ArnEquals", key, values}
}

// Bool is met when the key has the boolean.
func Bool(key string, value bool) Condition {
	return Condition{"Bool", key, []string{fmt.Sprint(value)}}
}

// Is is a condition with any operator, for instance "NumericEquals" or "Null".
func Is(operator, key string, values ...string) Condition { return Condition{operator, key, values} }

// Allow begins a statement that allows actions, such as "s3:GetObject".
func Allow(actions ...string) Statement {
	return Statement{Effect: EffectAllow, Action: slices.Clone(actions)}
}

// Deny begins a statement that denies actions.
func Deny(actions ...string) Statement {
	return Statement{Effect: EffectDeny, Action: slices.Clone(actions)}
}

// Named gives the statement an id: letters and digits only.
func (s Statement) Named(sid string) Statement { s.Sid = sid; return s }

// On sets the resources. Inside an ARN a star may only end it, after "/" or
// ":", as in bucket/* and log-group:name:*.
func (s Statement) On(resources ...string) Statement {
	s.Resource = slices.Clone(resources)
	return s
}

// AnyResource sets the resource to "*" for the reason given: either an action
// for which AWS defines no narrower resource, or a key policy, where "*" is
// AWS's spelling of "this key".
func (s Statement) AnyResource(reason string) Statement {
	s.Resource, s.anyResource = Strings{"*"}, reason
	return s
}

// NoResource marks a statement of a policy that takes no Resource element: a
// trust policy or an ECR repository policy.
func (s Statement) NoResource() Statement { s.Resource, s.resourced = nil, true; return s }

// ToAWS names the IAM principals of a resource or trust policy.
func (s Statement) ToAWS(arns ...string) Statement {
	p := s.principal()
	p.AWS = append(p.AWS, arns...)
	s.Principal = &p
	return s
}

// ToService names the service principals of a resource or trust policy.
func (s Statement) ToService(services ...string) Statement {
	p := s.principal()
	p.Service = append(p.Service, services...)
	s.Principal = &p
	return s
}

// ToEveryone makes the statement speak of every principal. Only a Deny may.
func (s Statement) ToEveryone() Statement {
	s.Principal = &Principal{Everyone: true}
	return s
}

func (s Statement) principal() Principal {
	if s.Principal == nil {
		return Principal{}
	}
	return Principal{AWS: slices.Clone(s.Principal.AWS), Service: slices.Clone(s.Principal.Service)}
}

// When adds conditions: all must be met.
func (s Statement) When(conditions ...Condition) Statement {
	out := Conditions{}
	for op, keys := range s.Condition {
		out[op] = map[string]Strings{}
		for k, v := range keys {
			out[op][k] = v
		}
	}
	for _, c := range conditions {
		if out[c.Operator] == nil {
			out[c.Operator] = map[string]Strings{}
		}
		if _, twice := out[c.Operator][c.Key]; twice {
			s.conflict = c.Operator + " " + c.Key
		}
		out[c.Operator][c.Key] = slices.Clone(c.Values)
	}
	s.Condition = out
	return s
}

// New builds a document of statements.
func New(statements ...Statement) Document {
	return Document{Version: Version, Statement: statements}
}

// JSON renders the document, or says everything that breaks the platform's rules.
func (d Document) JSON() (string, error) {
	if err := d.Check(); err != nil {
		return "", err
	}
	b, err := json.Marshal(d)
	return string(b), err
}

// Parse reads a document.
func Parse(text string) (Document, error) {
	var d Document
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, fmt.Errorf("policy is not readable: %w", err)
	}
	return d, nil
}

// Check says everything in the document that breaks the platform's rules.
func (d Document) Check() error {
	var errs []error
	if len(d.Statement) == 0 {
		errs = append(errs, errors.New("policy has no statement"))
	}
	for i, s := range d.Statement {
		for _, err := range s.check() {
			errs = append(errs, fmt.Errorf("policy statement %d (%s): %w", i, s.Sid, err))
		}
	}
	return errors.Join(errs...)
}

// sidPattern is what the Sid of a statement may be:
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html.
var sidPattern = regexp.MustCompile(`^[A-Za-z0-9]*$`)

func (s Statement) check() []error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(s.Action) == 0 {
		fail("has no action")
	}
	for _, a := range s.Action {
		if s.Effect == EffectDeny && a == "s3:*" {
			continue // the TLS-only statement of bucket policies denies everything
		}
		if strings.Contains(a, "*") {
			fail("action %q has a wildcard: list the actions", a)
		} else if !reference.Known(a) {
			fail("action %q is unknown: expected service:Action as in the service authorization reference", a)
		}
	}
	if !sidPattern.MatchString(s.Sid) {
		fail("has the id %q: IAM accepts letters and digits only", s.Sid)
	}
	if s.conflict != "" {
		fail("has condition %s twice: IAM keeps one; give all values at once", s.conflict)
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if len(values) == 0 {
				fail("has no value for %s of %s: nobody is named", key, operator)
			}
		}
	}
	if len(s.Resource) == 0 && !s.resourced {
		fail("has no resource: use On, AnyResource or NoResource")
	}
	for _, r := range s.Resource {
		if r == "*" && s.anyResource == "" {
			fail("resource \"*\" needs a reason: use AnyResource")
		}
		if body, _ := strings.CutSuffix(r, "*"); r != "*" && (strings.ContainsAny(body, "*?") || body != r && !strings.HasSuffix(body, "/") && !strings.HasSuffix(body, ":")) {
			fail("resource %q has a wildcard that is not a whole last part", r)
		}
	}
	if s.Principal != nil && s.Effect == EffectAllow && (s.Principal.Everyone || slices.Contains(s.Principal.AWS, "*")) {
		fail("allows everyone: name the principals")
	}
	return append(errs, s.checkReference()...)
}

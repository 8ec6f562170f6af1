package provider

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// anyARN is the ARN of anything.
const anyARN = `arn:aws:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12})?:.+`

// failed gathers what is wrong with a resource, for a Plan that reads top to
// bottom.
type failed struct{ errs []error }

func (f *failed) add(format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

func (f *failed) when(bad bool, format string, args ...any) {
	if bad {
		f.add(format, args...)
	}
}

func (f *failed) err() error { return errors.Join(f.errs...) }

// isGiven says whether an input is there, be it known or not.
func (c *Call) isGiven(input string) bool { return c.Inputs[input] != nil || c.Unknown[input] }

// atMostOne refuses more than one of several inputs, as ConflictsWith does.
func (f *failed) atMostOne(c *Call, inputs ...string) {
	var there []string
	for _, in := range inputs {
		if c.isGiven(in) {
			there = append(there, in)
		}
	}
	f.when(len(there) > 1, "%s exclude each other: expected one of them", strings.Join(there, " and "))
}

// number returns a number by path, and whether it is there.
func (c *Call) number(path string) (float64, bool) {
	n, ok := cloud.Lookup(c.Inputs, path).(float64)
	return n, ok
}

// isSet says whether a flag is set.
func (c *Call) isSet(path string) bool {
	b, _ := cloud.Lookup(c.Inputs, path).(bool)
	return b
}

// objects returns the objects of a list, by path.
func objects(from map[string]any, path string) []map[string]any {
	l, _ := cloud.Lookup(from, path).([]any)
	var out []map[string]any
	for _, e := range l {
		m, _ := e.(map[string]any)
		out = append(out, m)
	}
	return out
}

// str returns a text of an object by path, "" where there is none.
func str(from map[string]any, path string) string {
	s, _ := cloud.Lookup(from, path).(string)
	return s
}

// object reads a JSON object from an input; nil where the input is not given.
func (f *failed) object(c *Call, input string) map[string]any {
	s := c.Str(input)
	if s == "" {
		return nil
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(s), &out); err != nil || out == nil {
		f.add("%s is %q: expected a JSON object", input, s)
	}
	return out
}

// keptOutput returns an output that stays as it was at creation.
func (c *Call) keptOutput(output string, make func() any) any {
	if c.Old != nil && c.Old.Outputs[output] != nil {
		return c.Old.Outputs[output]
	}
	return make()
}

// onlyTags says whether an update changes nothing but tags.
func (c *Call) onlyTags() bool {
	if c.Old == nil {
		return false
	}
	a, b := maps.Clone(c.Inputs), maps.Clone(c.Old.Inputs)
	delete(a, "tags")
	delete(b, "tags")
	return reflect.DeepEqual(a, b)
}

// authorizeAlso authorises what the credentials do beyond Kind.Actions: actions that
// depend on the inputs, and actions on another resource.
func (c *Call) authorizeAlso(resource string, context map[string][]string, actions ...string) error {
	if c.Session == nil {
		return nil
	}
	for _, a := range actions {
		if err := c.Cloud.Authorize(cloud.Call{Session: c.Session, Action: a, Resource: resource, Context: context}); err != nil {
			return err
		}
	}
	return nil
}

// authorizeTags authorises the tags of a creation, which the real providers send with
// it, and the change of tags afterwards.
func (c *Call) authorizeTags(tag, untag string) error {
	if c.Old == nil {
		if tags, _ := c.Inputs["tags"].(map[string]any); len(tags) > 0 {
			return c.authorizeAlso(c.ARN, nil, tag)
		}
		return nil
	}
	before, _ := c.Old.Inputs["tags"].(map[string]any)
	after, _ := c.Inputs["tags"].(map[string]any)
	var err error
	for k, v := range after {
		if before[k] != v {
			err = c.authorizeAlso(c.ARN, nil, tag)
			break
		}
	}
	for k := range before {
		if _, ok := after[k]; !ok {
			return errors.Join(err, c.authorizeAlso(c.ARN, nil, untag))
		}
	}
	return err
}

// handOver checks what AWS checks when a service is given a role: the caller
// may pass it (iam:PassRole), and the role trusts the service.
func (c *Call) handOver(role, service, owner string) error {
	if role == "" {
		return nil
	}
	if err := c.authorizeAlso(role, map[string][]string{"iam:PassedToService": {service}}, "iam:PassRole"); err != nil {
		return err
	}
	err := c.Cloud.Authorize(cloud.Call{Service: service, Action: "sts:AssumeRole", Resource: role, Context: sourced(c.Account, owner)})
	if err != nil {
		return fmt.Errorf("InvalidParameterValue: %s cannot assume the role %s: %w", service, role, err)
	}
	return nil
}

// roleMay checks that a role has a right, for services that check it when they
// are given the role.
func (c *Call) roleMay(role, action, resource string) error {
	session, err := c.Cloud.Issue(role, "check", time.Minute)
	if err != nil {
		return err
	}
	return c.Cloud.Authorize(cloud.Call{Session: session, Action: action, Resource: resource})
}

// sourced are the condition keys against the confused deputy.
func sourced(account, arn string) map[string][]string {
	return map[string][]string{"aws:SourceAccount": {account}, "aws:SourceArn": {arn}}
}

// key finds the KMS key that an input names; nil where it names none, and for
// a key of AWS.
func (c *Call) key(input, value string) (*cloud.Resource, error) {
	if value == "" {
		return nil, nil
	}
	k, err := c.Cloud.Key(c.Account, value)
	if err != nil {
		return nil, fmt.Errorf("%s is %q: %w", input, value, err)
	}
	return k, nil
}

// useKey checks that the credentials may use a key through a service, which is
// what a service does with the caller's rights.
func (c *Call) useKey(input, value, service string, actions ...string) error {
	k, err := c.key(input, value)
	if k == nil {
		return err
	}
	return c.authorizeAlso(k.ARN, map[string][]string{
		"kms:ViaService":            {service + "." + cloud.Region + ".amazonaws.com"},
		"kms:CallerAccount":         {c.Account},
		"kms:GrantIsForAWSResource": {"true"},
	}, actions...)
}

// serviceMay checks that a resource's policy lets a service in.
func (c *Call) serviceMay(service, resource string, context map[string][]string, actions ...string) error {
	for _, a := range actions {
		if err := c.Cloud.Authorize(cloud.Call{Service: service, Action: a, Resource: resource, Context: context}); err != nil {
			return err
		}
	}
	return nil
}

// ownPolicy holds a resource policy to what AWS accepts for its owner.
func (c *Call) ownPolicy(service, owner string) error {
	err := iam.Validate(iam.Resource(service), c.Str("policy"), iam.Env{Owner: owner, Exists: func(arn string) bool { return c.Cloud.ByARN(arn) != nil }})
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	return nil
}

// removeAll forgets the resources that AWS deletes together with another one.
func (c *Call) removeAll(match func(*cloud.Resource) bool, types ...string) {
	for _, t := range types {
		for _, r := range c.Cloud.Find(c.Account, t, match) {
			c.Cloud.Remove(r.Account, r.Type, r.ID)
		}
	}
}

// uuid returns an id in the form that AWS gives.
func uuid(c *Call) string {
	n := c.Cloud.Serial()
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", n, n&0xffff, n)
}

// oneOf says that a value is not among those that are accepted.
func oneOf(what, value string, accepted []string) error {
	if slices.Contains(accepted, value) {
		return nil
	}
	return fmt.Errorf("%s is %q: expected one of %s", what, value, strings.Join(accepted, ", "))
}

func length(s string) int { return utf8.RuneCountInString(s) }

// mark returns random small letters and digits, as AWS puts them in ids.
func mark(n int) string {
	const of = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	for i := range b {
		b[i] = of[int(b[i])%len(of)]
	}
	return string(b)
}

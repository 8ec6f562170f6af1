package iam

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator taken apart.
type operator struct {
	base     string // without set prefix, IfExists and Not
	negated  bool
	ifExists bool
	forAll   bool
	forAny   bool
}

// compareFunc says whether a value of the request meets a value of the policy.
type compareFunc func(policy, request string, vars variables) bool

// comparisons are the operators without Not, IfExists and set prefix. See "IAM
// JSON policy elements: Condition operators".
var comparisons = map[string]compareFunc{
	"StringEquals":             stringEquals,
	"StringEqualsIgnoreCase":   stringEqualsIgnoreCase,
	"StringLike":               stringLike,
	"NumericEquals":            compareNumbers(func(c int) bool { return c == 0 }),
	"NumericLessThan":          compareNumbers(func(c int) bool { return c < 0 }),
	"NumericLessThanEquals":    compareNumbers(func(c int) bool { return c <= 0 }),
	"NumericGreaterThan":       compareNumbers(func(c int) bool { return c > 0 }),
	"NumericGreaterThanEquals": compareNumbers(func(c int) bool { return c >= 0 }),
	"DateEquals":               compareDates(func(c int) bool { return c == 0 }),
	"DateLessThan":             compareDates(func(c int) bool { return c < 0 }),
	"DateLessThanEquals":       compareDates(func(c int) bool { return c <= 0 }),
	"DateGreaterThan":          compareDates(func(c int) bool { return c > 0 }),
	"DateGreaterThanEquals":    compareDates(func(c int) bool { return c >= 0 }),
	"Bool":                     compareBooleans,
	"BinaryEquals":             compareBinary,
	"IpAddress":                ipAddress,
	"ArnEquals":                arnLike, // ArnEquals and ArnLike behave identically
	"ArnLike":                  arnLike,
	"Null":                     nil, // asks for presence, not for a value
}

// negations maps the operators that are another one's opposite.
var negations = map[string]string{
	"StringNotEquals":           "StringEquals",
	"StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
	"StringNotLike":             "StringLike",
	"NumericNotEquals":          "NumericEquals",
	"DateNotEquals":             "DateEquals",
	"NotIpAddress":              "IpAddress",
	"ArnNotEquals":              "ArnEquals",
	"ArnNotLike":                "ArnLike",
}

// parseOperator takes an operator apart; ok is false for an unknown one.
func parseOperator(name string) (o operator, ok bool) {
	if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		o.forAll, name = true, rest
	} else if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		o.forAny, name = true, rest
	}
	name, o.ifExists = strings.CutSuffix(name, "IfExists")
	if base, found := negations[name]; found {
		o.negated, name = true, base
	}
	o.base = name
	_, ok = comparisons[name]
	if name == "Null" && (o.ifExists || o.forAll || o.forAny) {
		ok = false
	}
	return o, ok
}

// isMet says whether a condition is met by the request's context, whose keys are
// lower case: IAM compares keys, but not values, without regard to case.
func (c Condition) isMet(context, vars variables) bool {
	o, ok := parseOperator(c.Operator)
	if !ok {
		return false
	}
	values := context[strings.ToLower(c.Key)]
	if o.base == "Null" {
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, "true") == (len(values) == 0) })
	}
	if len(values) == 0 {
		return o.metWithoutKey()
	}
	// A plain operator compares a single value. By EventBridge's table of what
	// PutEvents may do, a request with two sources does not meet one, even where
	// the policy lists both:
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
	if len(values) > 1 && !o.forAll && !o.forAny {
		return false
	}
	one := func(request string) bool {
		met := slices.ContainsFunc(c.Values, func(policy string) bool { return comparisons[o.base](policy, request, vars) })
		return met != o.negated // several values under a negation are a NOR
	}
	if o.forAll {
		return !slices.ContainsFunc(values, func(v string) bool { return !one(v) })
	}
	return slices.ContainsFunc(values, one)
}

// metWithoutKey is the answer where the request does not have the key: false,
// except for IfExists, for negated operators and for ForAllValues. See "IAM
// JSON policy elements: Condition operators" and "Set operators for
// multivalued context keys".
func (o operator) metWithoutKey() bool {
	return o.ifExists || o.forAll || o.negated && !o.forAny
}

func stringEquals(policy, request string, vars variables) bool {
	p, ok := compile(policy, false, vars)
	return ok && match(p, request)
}

func stringEqualsIgnoreCase(policy, request string, vars variables) bool {
	p, ok := compile(policy, false, vars)
	for i := range p {
		p[i].r = []rune(strings.ToLower(string(p[i].r)))[0]
	}
	return ok && match(p, strings.ToLower(request))
}

func stringLike(policy, request string, vars variables) bool {
	p, ok := compile(policy, true, vars)
	return ok && match(p, request)
}

func arnLike(policy, request string, vars variables) bool {
	p, ok := compile(policy, true, vars)
	return ok && matchARN(p, request, false)
}

func compareBooleans(policy, request string, vars variables) bool {
	p, ok := expand(policy, vars)
	return ok && isBool(p) && strings.EqualFold(p, request)
}

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func compareBinary(policy, request string, _ variables) bool {
	p, err := base64.StdEncoding.DecodeString(policy)
	r, err2 := base64.StdEncoding.DecodeString(request)
	return err == nil && err2 == nil && slices.Equal(p, r)
}

func compareNumbers(accept func(int) bool) compareFunc {
	return func(policy, request string, _ variables) bool {
		p, err := strconv.ParseFloat(policy, 64)
		r, err2 := strconv.ParseFloat(request, 64)
		if err != nil || err2 != nil || p != p || r != r {
			return false
		}
		switch {
		case r < p:
			return accept(-1)
		case r > p:
			return accept(1)
		}
		return accept(0)
	}
}

func compareDates(accept func(int) bool) compareFunc {
	return func(policy, request string, _ variables) bool {
		p, ok := parseDate(policy)
		r, ok2 := parseDate(request)
		return ok && ok2 && accept(r.Compare(p))
	}
}

// parseDate reads W3C ISO 8601 dates and epoch seconds.
func parseDate(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	seconds, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(seconds, 0), err == nil
}

func ipAddress(policy, request string, _ variables) bool {
	p, ok := parsePrefix(policy)
	r, err := netip.ParseAddr(request)
	return ok && err == nil && p.Contains(r.Unmap())
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// expand replaces variables and keeps everything else as text.
func expand(text string, vars variables) (string, bool) {
	p, ok := compile(text, false, vars)
	out := make([]rune, len(p))
	for i, g := range p {
		out[i] = g.r
	}
	return string(out), ok
}

package iampolicy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"delivery.internal/lib/iam/reference"
)

// checkReference holds a statement to the service authorization reference: each
// action and each resource must have one that it fits, and requests must be able
// to carry what conditions ask for.
func (s Statement) checkReference() []error {
	var errs []error
	known := slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return !reference.Known(a) })
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			errs = append(errs, s.checkKey(known, operator, key)...)
		}
	}
	if s.Effect == EffectAllow {
		errs = append(errs, s.checkResources(known)...)
	}
	return errs
}

// checkKey refuses a condition that no request can meet or, with a plain
// operator on a key of several values, that only some do. IAM Access Analyzer
// reports the latter as an error (MISSING_QUALIFIER).
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func (s Statement) checkKey(actions []string, operator, key string) []error {
	var errs []error
	qualified := strings.HasPrefix(operator, "ForAllValues:") || strings.HasPrefix(operator, "ForAnyValue:")
	if !qualified && operator != "Null" && reference.Multivalued(key) {
		errs = append(errs, fmt.Errorf("has the plain operator %s on %s, which has several values: use ForAllValues:%s with Null false to allow, ForAnyValue to deny", operator, key, operator))
	}
	for _, a := range actions {
		if !reference.Carries(a, key) {
			errs = append(errs, fmt.Errorf("has a condition on %s, which a request for %s never carries: give the action a statement without it", key, a))
		}
	}
	if s.Effect == EffectAllow && reference.FromService(key) && (s.Principal == nil || len(s.Principal.Service) == 0) {
		errs = append(errs, fmt.Errorf("has a condition on %s, which only requests of a service carry, and names no service: use aws:PrincipalArn for roles", key))
	}
	return errs
}

// checkResources leaves out policies of resources: there "*" is the resource
// itself, and some take no Resource element.
func (s Statement) checkResources(actions []string) []error {
	var errs []error
	if slices.Equal(s.Resource, Strings{"*"}) {
		for _, a := range actions {
			if s.Principal == nil && !reference.Resourceless(a) {
				errs = append(errs, fmt.Errorf("allows %s on \"*\", but AWS can narrow it: give its resources", a))
			}
		}
		return errs
	}
	for _, a := range actions {
		if len(s.Resource) > 0 && !slices.ContainsFunc(s.Resource, func(r string) bool { return reference.Fits(a, r) }) {
			errs = append(errs, fmt.Errorf("allows %s on none of its resources, found %s", a, strings.Join(s.Resource, ", ")))
		}
	}
	for _, r := range s.Resource {
		if len(actions) > 0 && !slices.ContainsFunc(actions, func(a string) bool { return reference.Fits(a, r) }) {
			errs = append(errs, fmt.Errorf("names the resource %q, which none of its actions is about", r))
		}
	}
	return errs
}

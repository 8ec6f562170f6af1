package iam_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam"
)

// quoted is a JSON list of strings.
func quoted(list ...string) string { return `["` + strings.Join(list, `","`) + `"]` }

// versioned is a document of one statement in a version of the language.
func versioned(version, statement string) string {
	return `{"Version":"` + version + `","Statement":[` + statement + `]}`
}

// pairs holds the comparison to the evaluator for every two of the documents,
// and returns how many it did not call broadened.
func pairs(t *testing.T, kind iam.Kind, documents []string, requests []iam.Request, variants ...int) (accepted, all int) {
	t.Helper()
	slices.Sort(documents)
	documents = slices.Compact(documents)
	verdicts := map[string][]bool{} // of each document, request by request
	for _, d := range documents {
		for _, v := range variants {
			for _, r := range requests {
				verdicts[d] = append(verdicts[d], iam.Evaluate(r, standing(kind, d, v)).Allowed)
			}
		}
	}
	for _, before := range documents {
		for _, after := range documents {
			all++
			verdict, _ := iam.Compare(kind, before, after)
			if verdict == iam.Broadened {
				continue
			}
			accepted++
			for i, allowed := range verdicts[after] {
				if allowed && !verdicts[before][i] {
					require.Failf(t, "not narrower", "%s is %s\nbefore %s\nafter  %s\nnow allowed: %+v", kind, verdict, before, after, requests[i%len(requests)])
				}
			}
		}
	}
	return accepted, all
}

// everyRequest is every action on every resource by everybody.
func everyRequest() []iam.Request {
	var out []iam.Request
	for _, who := range requesters {
		for _, action := range requestActions {
			for _, resource := range requestResources {
				out = append(out, iam.Request{Principal: who, Action: action, Resource: resource, ResourceAccount: home})
			}
		}
	}
	return out
}

func TestEveryTwoActionsAreComparedSoundly(t *testing.T) {
	t.Parallel()
	var documents []string
	for _, a := range actionPatterns {
		for _, effect := range []string{"Allow", "Deny"} {
			for _, element := range []string{"Action", "NotAction"} {
				s := fmt.Sprintf(`{"Effect":%q,%q:%q,"Resource":"*"}`, effect, element, a)
				documents = append(documents, policy(s), policy(s, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`))
			}
		}
	}
	accepted, all := pairs(t, iam.Identity, documents, everyRequest(), 1)
	require.Greater(t, accepted, all/10)
}

func TestEveryTwoResourcesAreComparedSoundly(t *testing.T) {
	t.Parallel()
	var documents []string
	for _, r := range resourcePatterns {
		for _, effect := range []string{`"Allow","Action":"*"`, `"Deny","Action":"s3:*"`} {
			for _, element := range []string{"Resource", "NotResource"} {
				for _, version := range []string{iam.Version, "2008-10-17"} {
					documents = append(documents, versioned(version, fmt.Sprintf(`{"Effect":%s,%q:%q},{"Effect":"Allow","Action":"s3:Put*","Resource":"*"}`, effect, element, r)))
				}
			}
		}
	}
	documents = append(documents, policy(`{"Effect":"Allow","Action":"*"}`))
	accepted, all := pairs(t, iam.Identity, documents, everyRequest(), 0)
	require.Greater(t, accepted, all/20)
}

func TestEveryTwoPrincipalsAreComparedSoundly(t *testing.T) {
	t.Parallel()
	var documents []string
	for i, p := range principalValues {
		kind := "AWS"
		if strings.HasSuffix(p, ".amazonaws.com") {
			kind = "Service"
		}
		one := fmt.Sprintf(`{%q:%q}`, kind, p)
		two := fmt.Sprintf(`{"AWS":%s}`, quoted(principalValues[i%9], principalValues[(i+3)%9]))
		for _, who := range []string{one, two, `{"AWS":` + quoted(home, role, builder.ARN) + `}`} {
			for _, effect := range []string{"Allow", "Deny"} {
				for _, element := range []string{"Principal", "NotPrincipal"} {
					s := fmt.Sprintf(`{"Effect":%q,%q:%s,"Action":"s3:*","Resource":"*"}`, effect, element, who)
					documents = append(documents, policy(s), policy(s, `{"Effect":"Allow","Principal":"*","Action":"s3:Get*","Resource":"*"}`))
				}
			}
		}
	}
	var requests []iam.Request
	for _, r := range everyRequest() {
		if strings.HasPrefix(r.Resource, "arn:aws:s3:::box/") && strings.HasPrefix(r.Action, "s3:") {
			requests = append(requests, r)
		}
	}
	accepted, all := pairs(t, iam.Resource("s3"), documents, requests, 1, 3)
	require.Greater(t, accepted, all/20)
}

// TestConditionsAreComparedSoundly takes conditions on one key, with every
// operator that suits it, and asks with every value, several and none.
func TestConditionsAreComparedSoundly(t *testing.T) {
	t.Parallel()
	conditionsOfAKey := 60
	if !testing.Short() {
		conditionsOfAKey = 250
	}
	for _, key := range conditionNames {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			source := rand.New(rand.NewPCG(uint64(len(key)), uint64(conditionsOfAKey)))
			k := conditionKeys[key]
			pick := func(list ...string) string { return list[source.IntN(len(list))] }
			var documents []string
			for range conditionsOfAKey {
				operator := pick(k.bases...)
				if operator != "Null" {
					operator = pick("", "", "ForAllValues:", "ForAnyValue:") + operator + pick("", "IfExists")
				}
				values := []string{pick(k.policy...)}
				if source.IntN(3) == 0 {
					values = append(values, pick(k.policy...))
				}
				effect := pick("Allow", "Allow", "Deny")
				s := fmt.Sprintf(`{"Effect":%q,"Action":"*","Resource":"*","Condition":{%q:{%q:%s}}}`, effect, operator, key, quoted(values...))
				if effect == "Deny" {
					s += `,{"Effect":"Allow","Action":"*","Resource":"*"}`
				}
				documents = append(documents, versioned(pick(iam.Version, iam.Version, "2008-10-17"), s))
			}
			accepted, all := pairs(t, iam.Identity, documents, requestsWith(key, k.requests), 0)
			require.Greater(t, accepted, all/50)
		})
	}
}

func requestsWith(key string, values []string) []iam.Request {
	var out []iam.Request
	ask := func(who iam.Principal, values ...string) {
		r := iam.Request{Principal: who, Action: "s3:GetObject", Resource: "arn:aws:s3:::box/a", ResourceAccount: home}
		if len(values) > 0 {
			r.Context = map[string][]string{key: values}
		}
		out = append(out, r)
	}
	for _, who := range requesters[:3] { // with and without a tag, none of another account
		ask(who)
		for _, v := range values {
			ask(who, v)
			for _, w := range values {
				ask(who, v, w)
			}
		}
	}
	return out
}

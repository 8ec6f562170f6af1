package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam"
)

const (
	home  = "111111111111"
	other = "222222222222"
	role  = "arn:aws:iam::" + home + ":role/builder"
	key   = "arn:aws:kms:us-east-1:" + home + ":key/11111111-2222-3333-4444-555555555555"
	read  = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}`
)

// builder is a session of the role.
var builder = iam.Principal{Kind: iam.Role, ARN: "arn:aws:sts::" + home + ":assumed-role/builder/one", PrincipalARN: role, Account: home}

// policy is a document of the given statements.
func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func named(statements ...string) *iam.Named {
	return &iam.Named{Name: "test", Document: policy(statements...)}
}

func identity(statements ...string) []iam.Named { return []iam.Named{*named(statements...)} }

// granting is a statement of a bucket policy for everything in the bucket.
func granting(effect, principal string) string {
	return fmt.Sprintf(`{"Effect":%q,"Principal":%s,"Action":"s3:*","Resource":["arn:aws:s3:::box","arn:aws:s3:::box/*"]}`, effect, principal)
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	deny := strings.Replace(read, "Allow", "Deny", 1)
	get := iam.Request{Principal: builder, Action: "s3:GetObject", Resource: "arn:aws:s3:::box/a/b", ResourceAccount: home}
	far := get
	far.ResourceAccount = other
	with := func(r iam.Request, change func(*iam.Request)) iam.Request { change(&r); return r }
	as := func(p iam.Principal) iam.Request { return with(get, func(r *iam.Request) { r.Principal = p }) }
	decrypt := iam.Request{Principal: builder, Action: "kms:Decrypt", Resource: key, ResourceAccount: home}
	useKey := `{"Effect":"Allow","Action":"kms:Decrypt","Resource":"` + key + `"}`
	keyFor := func(principal string) *iam.Named {
		return named(`{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"kms:*","Resource":"*"}`)
	}
	assume := iam.Request{Principal: builder, Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + other + ":role/deploy", ResourceAccount: other}
	mayAssume := `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + assume.Resource + `"}`
	trust := func(principal, condition string) *iam.Named {
		return named(`{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole","Condition":` + condition + `}`)
	}
	exact := `{"ArnEquals":{"aws:PrincipalArn":"` + role + `"},"StringEquals":{"sts:ExternalId":"x1"}}`
	external := with(assume, func(r *iam.Request) { r.Context = map[string][]string{"sts:ExternalId": {"x1"}} })
	events := iam.Principal{Kind: iam.Service, ARN: "events.amazonaws.com"}

	for _, tt := range []struct {
		name     string
		request  iam.Request
		policies iam.Policies
		allowed  bool
		explicit bool
		reason   string
	}{
		{name: "nothing allows", request: get, reason: `missing: {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/a/b"}`},
		{name: "the identity's policy suffices in its account", request: get, policies: iam.Policies{Identity: identity(read)}, allowed: true},
		{name: "another resource", request: with(get, func(r *iam.Request) { r.Resource = "arn:aws:s3:::boxes/a" }), policies: iam.Policies{Identity: identity(read)}, reason: "is only about arn:aws:s3:::box/*"},
		{name: "resources are compared with regard to case", request: with(get, func(r *iam.Request) { r.Resource = "arn:aws:s3:::BOX/a" }), policies: iam.Policies{Identity: identity(read)}},
		{name: "actions are compared without regard to case", request: with(get, func(r *iam.Request) { r.Action = "S3:getobject" }), policies: iam.Policies{Identity: identity(read)}, allowed: true},
		{name: "another action", request: with(get, func(r *iam.Request) { r.Action = "s3:GetObjectVersion" }), policies: iam.Policies{Identity: identity(read)}},
		{name: "an explicit deny wins over an allow", request: get, policies: iam.Policies{Identity: identity(read, deny)}, explicit: true, reason: "explicitly denies"},
		{name: "a deny of the bucket wins over everything", request: get, policies: iam.Policies{Identity: identity(read), Resource: named(granting("Deny", `"*"`))}, explicit: true},
		{name: "NotAction leaves out what it names", request: get, policies: iam.Policies{Identity: identity(`{"Effect":"Allow","NotAction":"s3:Get*","Resource":"*"}`)}},
		{name: "NotAction allows the rest", request: get, policies: iam.Policies{Identity: identity(`{"Effect":"Allow","NotAction":"s3:Put*","Resource":"*"}`)}, allowed: true},
		{name: "NotResource leaves out what it names", request: get, policies: iam.Policies{Identity: identity(`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::box/*"}`)}},
		{name: "a boundary cuts", request: get, policies: iam.Policies{Identity: identity(read), Boundary: named(useKey)}, reason: "permissions boundary"},
		{name: "a boundary grants nothing", request: get, policies: iam.Policies{Boundary: named(read)}, reason: "there is no identity policy"},
		{name: "a boundary that covers", request: get, policies: iam.Policies{Identity: identity(read), Boundary: named(read)}, allowed: true},
		{name: "a session policy cuts", request: get, policies: iam.Policies{Identity: identity(read), Session: named(useKey)}, reason: "session policy"},
		{name: "an SCP cuts", request: get, policies: iam.Policies{Identity: identity(read), SCP: identity(useKey)}, reason: "service control policy"},

		{name: "the bucket's policy suffices in its account", request: get, policies: iam.Policies{Resource: named(granting("Allow", `{"AWS":"`+role+`"}`))}, allowed: true},
		{name: "a grant to a role stays within its boundary", request: get, policies: iam.Policies{Resource: named(granting("Allow", `{"AWS":"`+role+`"}`)), Boundary: named(useKey)}, reason: "permissions boundary"},
		{name: "a grant to a session is not cut by the boundary", request: get, policies: iam.Policies{Resource: named(granting("Allow", `{"AWS":"`+builder.ARN+`"}`)), Boundary: named(useKey)}, allowed: true},
		{name: "a grant to the account only delegates", request: get, policies: iam.Policies{Resource: named(granting("Allow", `{"AWS":"`+home+`"}`))}, reason: "identity policy"},
		{name: "a grant to another role", request: get, policies: iam.Policies{Resource: named(granting("Allow", `{"AWS":"`+role+`2"}`))}},
		{name: "across accounts the identity alone is not enough", request: far, policies: iam.Policies{Identity: identity(read)}, reason: "there is no resource policy"},
		{name: "across accounts the resource alone is not enough", request: far, policies: iam.Policies{Resource: named(granting("Allow", `{"AWS":"`+role+`"}`))}, reason: "identity policy"},
		{name: "across accounts both are", request: far, policies: iam.Policies{Identity: identity(read), Resource: named(granting("Allow", `{"AWS":"`+home+`"}`))}, allowed: true},
		{name: "NotPrincipal exempts the whole of a session", request: get, policies: iam.Policies{Identity: identity(read), Resource: named(strings.Replace(granting("Deny", fmt.Sprintf(`{"AWS":[%q,%q,%q]}`, home, role, builder.ARN)), "Principal", "NotPrincipal", 1))}, allowed: true},
		{name: "NotPrincipal with only the role denies its sessions", request: get, policies: iam.Policies{Identity: identity(read), Resource: named(strings.Replace(granting("Deny", fmt.Sprintf(`{"AWS":[%q]}`, role)), "Principal", "NotPrincipal", 1))}, explicit: true},

		{name: "a key must be willing, even at home", request: decrypt, policies: iam.Policies{Identity: identity(useKey)}, reason: "there is no resource policy"},
		{name: "a key that delegates to the account", request: decrypt, policies: iam.Policies{Identity: identity(useKey), Resource: keyFor("arn:aws:iam::" + home + ":root")}, allowed: true},
		{name: "a key that delegates, an identity without", request: decrypt, policies: iam.Policies{Resource: keyFor("arn:aws:iam::" + home + ":root")}, reason: "identity policy"},
		{name: "a key that names the role", request: decrypt, policies: iam.Policies{Resource: keyFor(role)}, allowed: true},

		{name: "a trusted role with its external id", request: external, policies: iam.Policies{Identity: identity(mayAssume), Resource: trust("arn:aws:iam::"+home+":root", exact)}, allowed: true},
		{name: "no external id", request: assume, policies: iam.Policies{Identity: identity(mayAssume), Resource: trust("arn:aws:iam::"+home+":root", exact)}, reason: "needs StringEquals sts:ExternalId [x1], the request has no such key"},
		{name: "another role of the trusted account", request: with(external, func(r *iam.Request) {
			r.Principal.PrincipalARN, r.Principal.ARN = role+"2", builder.ARN+"2"
		}), policies: iam.Policies{Identity: identity(mayAssume), Resource: trust("arn:aws:iam::"+home+":root", exact)}, reason: "aws:PrincipalArn"},
		{name: "trusted, but not allowed at home", request: external, policies: iam.Policies{Resource: trust("arn:aws:iam::"+home+":root", exact)}, reason: "identity policy"},
		{name: "root may not assume a role", request: with(external, func(r *iam.Request) {
			r.Principal = iam.Principal{Kind: iam.Root, ARN: "arn:aws:iam::" + home + ":root", Account: home}
		}), policies: iam.Policies{Resource: trust("arn:aws:iam::"+home+":root", "{}")}, reason: "root user"},
		{name: "root needs no identity policy", request: as(iam.Principal{Kind: iam.Root, ARN: "arn:aws:iam::" + home + ":root", Account: home}), allowed: true},

		{name: "a service needs the resource's policy", request: as(events), policies: iam.Policies{Identity: identity(read)}, reason: `"Principal":{"Service":"events.amazonaws.com"}`},
		{name: "a service that is named", request: as(events), policies: iam.Policies{Resource: named(granting("Allow", `{"Service":"events.amazonaws.com"}`))}, allowed: true},
		{name: "another service", request: as(events), policies: iam.Policies{Resource: named(granting("Allow", `{"Service":"sns.amazonaws.com"}`))}},
		{name: "who am I needs no permission", request: iam.Request{Principal: builder, Action: "sts:GetCallerIdentity", Resource: "*"}, policies: iam.Policies{Identity: identity(`{"Effect":"Deny","Action":"*","Resource":"*"}`)}, allowed: true},
		{name: "a policy that can't be read denies", request: get, policies: iam.Policies{Identity: []iam.Named{{Name: "broken", Document: "{"}, *named(read)}}, explicit: true, reason: "broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := iam.Evaluate(tt.request, tt.policies)
			require.Equal(t, tt.allowed, d.Allowed, d.Reason)
			require.Equal(t, tt.explicit, d.Explicit, d.Reason)
			require.Contains(t, d.Reason, tt.reason)
			if !tt.allowed && tt.reason == "" {
				require.Contains(t, d.Reason, tt.request.Action)
				require.Contains(t, d.Reason, tt.request.Resource)
			}
		})
	}
}

func TestWildcardsAndVariables(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, resource string
		matches           bool
	}{
		{"*", "arn:aws:s3:::box", true},
		{"arn:aws:s3:::box", "arn:aws:s3:::box/a", false},
		{"arn:aws:s3:::bo?/*", "arn:aws:s3:::box/a/b", true},
		{"arn:aws:s3:::*x", "arn:aws:s3:::box", true},
		{"arn:aws:sqs:*:" + home + ":q", "arn:aws:sqs:us-east-1:" + home + ":q", true},
		{"arn:aws:sqs:*:q", "arn:aws:sqs:us-east-1:" + home + ":q", false}, // a star stays in its part
		{"arn:aws:logs:us-east-1:" + home + ":log-group:/x:*", "arn:aws:logs:us-east-1:" + home + ":log-group:/x:log-stream:s", true},
		{"arn:aws:s3:::${aws:PrincipalAccount}", "arn:aws:s3:::" + home, true},
		{"arn:aws:s3:::${aws:PrincipalTag/team}/*", "arn:aws:s3:::blue/a", true},
		{"arn:aws:s3:::${aws:PrincipalTag/none}/*", "arn:aws:s3:::/a", false},
		{"arn:aws:s3:::${aws:PrincipalTag/none, 'box'}/*", "arn:aws:s3:::box/a", true},
		{"arn:aws:s3:::${aws:PrincipalTag/star}", "arn:aws:s3:::box", false}, // a value is not a pattern
		{"arn:aws:s3:::box/${*}", "arn:aws:s3:::box/*", true},
		{"arn:aws:s3:::box/${*}", "arn:aws:s3:::box/a", false},
	} {
		t.Run(tt.pattern+" "+tt.resource, func(t *testing.T) {
			t.Parallel()
			who := builder
			who.Tags = map[string]string{"team": "blue", "star": "*"}
			d := iam.Evaluate(iam.Request{Principal: who, Action: "s3:GetObject", Resource: tt.resource}, iam.Policies{
				Identity: identity(fmt.Sprintf(`{"Effect":"Allow","Action":"s3:Get*","Resource":%q}`, tt.pattern)),
			})
			require.Equal(t, tt.matches, d.Allowed, d.Reason)
		})
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	context := map[string][]string{
		"sts:ExternalId": {"Key"}, "aws:SourceIp": {"10.0.0.7"}, "s3:max-keys": {"10"}, "aws:SourceArn": {"arn:aws:sns:us-east-1:" + home + ":topic"},
		"aws:TagKeys": {"a", "b"}, "aws:MultiFactorAuthPresent": {"true"},
	}
	for condition, met := range map[string]bool{
		`{"StringEquals":{"sts:ExternalId":"Key"}}`:                                      true,
		`{"StringEquals":{"STS:externalid":"Key"}}`:                                      true, // keys without regard to case
		`{"StringEquals":{"sts:ExternalId":"key"}}`:                                      false,
		`{"StringEqualsIgnoreCase":{"sts:ExternalId":"key"}}`:                            true,
		`{"StringEquals":{"sts:ExternalId":["no","Key"]}}`:                               true,
		`{"StringEquals":{"sts:ExternalId":"K*"}}`:                                       false,
		`{"StringLike":{"sts:ExternalId":"K*"}}`:                                         true,
		`{"StringNotEquals":{"sts:ExternalId":["no","Key"]}}`:                            false,
		`{"StringNotEquals":{"sts:ExternalId":["no","nor"]}}`:                            true,
		`{"StringNotEquals":{"sts:SourceIdentity":"x"}}`:                                 true, // absent
		`{"StringEquals":{"sts:SourceIdentity":"x"}}`:                                    false,
		`{"StringEqualsIfExists":{"sts:SourceIdentity":"x"}}`:                            true,
		`{"StringEqualsIfExists":{"sts:ExternalId":"x"}}`:                                false,
		`{"Null":{"sts:SourceIdentity":"true"}}`:                                         true,
		`{"Null":{"sts:ExternalId":"true"}}`:                                             false,
		`{"Null":{"sts:ExternalId":false}}`:                                              true,
		`{"Bool":{"aws:SecureTransport":"false"}}`:                                       false,
		`{"Bool":{"aws:MultiFactorAuthPresent":true}}`:                                   true,
		`{"NumericLessThanEquals":{"s3:max-keys":"10"}}`:                                 true,
		`{"NumericLessThan":{"s3:max-keys":10}}`:                                         false,
		`{"NumericNotEquals":{"s3:max-keys":9}}`:                                         true,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-03-04T00:00:00Z"}}`:                 true,
		`{"DateLessThan":{"aws:CurrentTime":"2026-03-04T00:00:00Z"}}`:                    false,
		`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`:                                    true,
		`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`:                                 false,
		`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:topic"}}`:                          true,
		`{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:*:*:other"}}`:                        false,
		`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:topic"}}`:                            false,
		`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}}`:                    true,
		`{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`:                            false,
		`{"ForAllValues:StringEquals":{"aws:RequestTag/x":["a"]}}`:                       true, // vacuous
		`{"ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}}`:                             true,
		`{"ForAnyValue:StringEquals":{"aws:RequestTag/x":["a"]}}`:                        false,
		`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}}`:                          true,
		`{"StringEquals":{"aws:PrincipalAccount":"` + home + `","sts:ExternalId":"no"}}`: false, // all must be met
		`{"StringSounds":{"sts:ExternalId":"Key"}}`:                                      false,
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			d := iam.Evaluate(iam.Request{Principal: builder, Action: "s3:ListBucket", Resource: "arn:aws:s3:::box", Context: context, Time: at}, iam.Policies{
				Identity: identity(`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":` + condition + `}`),
			})
			require.Equal(t, met, d.Allowed, d.Reason)
		})
	}
}

package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	bucket := iam.Env{Owner: "arn:aws:s3:::box", Exists: func(arn string) bool { return arn == role }}
	inBucket := func(principal, action, resource string) string {
		return policy(fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":%q,"Resource":%q}`, principal, action, resource))
	}
	trusting := func(principal, rest string) string {
		return policy(fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":"sts:AssumeRole"%s}`, principal, rest))
	}
	root := `{"AWS":"arn:aws:iam::` + home + `:root"}`
	s3, kms := iam.Resource("s3"), iam.Resource("kms")
	ofKey := policy(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + other + `:root"},"Action":"kms:*","Resource":"*"}`)

	for _, tt := range []struct {
		name string
		kind iam.Kind
		text string
		env  iam.Env
		want string // "" where the document is good
	}{
		{name: "a good identity policy", kind: iam.Identity, text: policy(read)},
		{name: "a single statement without a list", kind: iam.Identity, text: `{"Version":"2012-10-17","Statement":` + read + `}`},
		{name: "no JSON", kind: iam.Identity, text: `Version: 1`, want: "not a JSON object"},
		{name: "empty", kind: iam.Identity, text: ``, want: "not a JSON object"},
		{name: "white space first", kind: iam.Identity, text: " " + policy(read), want: "white space"},
		{name: "text after the end", kind: iam.Identity, text: policy(read) + "x", want: "text after the end"},
		{name: "the old version", kind: iam.Identity, text: `{"Version":"2008-10-17","Statement":[` + read + `]}`, want: `version "2008-10-17"`},
		{name: "no version", kind: iam.Identity, text: `{"Statement":[` + read + `]}`, want: `version ""`},
		{name: "no statement", kind: iam.Identity, text: policy(), want: "has no statement"},
		{name: "an unknown element of the document", kind: iam.Identity, text: `{"Version":"2012-10-17","Statements":[]}`, want: "Statements: unknown element"},
		{name: "an unknown element of a statement", kind: iam.Identity, text: policy(`{"Effect":"Allow","Actions":"s3:GetObject","Resource":"*"}`), want: "Actions: unknown element"},
		{name: "an element in the wrong case", kind: iam.Identity, text: policy(`{"effect":"Allow","Action":"s3:GetObject","Resource":"*"}`), want: "effect: unknown element"},
		{name: "an element twice", kind: iam.Identity, text: policy(`{"Effect":"Allow","Effect":"Deny","Action":"s3:GetObject","Resource":"*"}`), want: "twice"},
		{name: "an effect in the wrong case", kind: iam.Identity, text: policy(strings.Replace(read, "Allow", "allow", 1)), want: `effect "allow"`},
		{name: "no action", kind: iam.Identity, text: policy(`{"Effect":"Allow","Resource":"*"}`), want: "has no Action"},
		{name: "an empty list of actions", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":[],"Resource":"*"}`), want: "empty Action"},
		{name: "Action and NotAction", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:GetObject","NotAction":"s3:PutObject","Resource":"*"}`), want: "both Action and NotAction"},
		{name: "an action that does not exist", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:ReadObject","Resource":"*"}`), want: `unknown action "s3:ReadObject"`},
		{name: "a pattern that matches no action", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:Read*","Resource":"*"}`), want: `unknown action "s3:Read*"`},
		{name: "no resource", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:GetObject"}`), want: "has no Resource"},
		{name: "a resource that is not an ARN", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"box/*"}`), want: `the resource "box/*"`},
		{name: "a bucket ARN with a region", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:us-east-1::box/*"}`), want: "has no region"},
		{name: "a role ARN without an account", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam:::role/x"}`), want: "names its account"},
		{name: "a parameter without its kind", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"arn:aws:ssm:us-east-1:` + home + `:x"}`), want: "must begin with"},
		{name: "a principal where there can be none", kind: iam.Identity, text: inBucket(root, "s3:GetObject", "*"), want: "specifies a principal"},
		{name: "a Sid with a space", kind: iam.Identity, text: policy(`{"Sid":"a b",` + read[1:]), want: "Sid"},
		{name: "a Sid twice", kind: iam.Identity, text: policy(`{"Sid":"a",`+read[1:], `{"Sid":"a",`+read[1:]), want: "another statement has"},
		{name: "an unknown operator", kind: iam.Identity, text: policy(`{"Condition":{"StringIs":{"aws:SourceAccount":"1"}},` + read[1:]), want: `operator "StringIs"`},
		{name: "an unknown global key", kind: iam.Identity, text: policy(`{"Condition":{"StringEquals":{"aws:SourceAcount":"1"}},` + read[1:]), want: `"aws:SourceAcount"`},
		{name: "an unknown key of KMS", kind: iam.Identity, text: policy(`{"Condition":{"StringEquals":{"kms:ViaServices":"x"}},` + read[1:]), want: `"kms:ViaServices"`},
		{name: "a boolean that is none", kind: iam.Identity, text: policy(`{"Condition":{"Bool":{"aws:SecureTransport":"yes"}},` + read[1:]), want: `"yes"`},
		{name: "too long", kind: iam.Identity, text: policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::` + strings.Repeat("a", 60) + strings.Repeat(`","arn:aws:s3:::`+strings.Repeat("a", 60), 90) + `"]}`), want: "at most 6144"},

		{name: "a good bucket policy", kind: s3, env: bucket, text: inBucket(`{"AWS":"`+role+`"}`, "s3:GetObject", "arn:aws:s3:::box/*")},
		{name: "a bucket policy without a principal", kind: s3, env: bucket, text: policy(read), want: "needs a Principal"},
		{name: "another bucket", kind: s3, env: bucket, text: inBucket(root, "s3:GetObject", "arn:aws:s3:::boxes/*"), want: "which is not arn:aws:s3:::box"},
		{name: "an object action on the bucket", kind: s3, env: bucket, text: inBucket(root, "s3:GetObject", "arn:aws:s3:::box"), want: "does not apply"},
		{name: "a bucket action on objects", kind: s3, env: bucket, text: inBucket(root, "s3:ListBucket", "arn:aws:s3:::box/*"), want: "does not apply"},
		{name: "another service's action", kind: s3, env: bucket, text: inBucket(root, "sns:Publish", "arn:aws:s3:::box"), want: "another service"},
		{name: "a role that does not exist", kind: s3, env: bucket, text: inBucket(`{"AWS":"`+role+`2"}`, "s3:GetObject", "arn:aws:s3:::box/*"), want: "does not exist"},
		{name: "a principal with a wildcard", kind: s3, env: bucket, text: inBucket(`{"AWS":"arn:aws:iam::`+home+`:role/*"}`, "s3:GetObject", "arn:aws:s3:::box/*"), want: "without wildcards"},
		{name: "a kind of principal in the wrong case", kind: s3, env: bucket, text: inBucket(`{"aws":"*"}`, "s3:GetObject", "arn:aws:s3:::box/*"), want: "unknown type of principal"},
		{name: "an allow with NotPrincipal", kind: s3, env: bucket, text: strings.Replace(inBucket(root, "s3:GetObject", "arn:aws:s3:::box/*"), "Principal", "NotPrincipal", 1), want: "only supported with Deny"},

		{name: "a good trust policy", kind: iam.Trust, text: trusting(`{"Service":"codebuild.amazonaws.com"}`, "")},
		{name: "a trust policy with a resource", kind: iam.Trust, text: trusting(root, `,"Resource":"*"`), want: "prohibited field Resource"},
		{name: "a service that does not exist", kind: iam.Trust, text: trusting(`{"Service":"codebuilds.amazonaws.com"}`, ""), want: "codebuilds.amazonaws.com"},
		{name: "a trust policy about something else", kind: iam.Trust, text: strings.Replace(trusting(root, ""), "sts:AssumeRole", "s3:GetObject", 1), want: "may only specify sts:AssumeRole"},

		{name: "a topic policy with an action out of scope", kind: iam.Resource("sns"), text: inBucket(root, "sns:CreateTopic", "arn:aws:sns:us-east-1:"+home+":t"), want: "out of the scope"},
		{name: "a repository policy with a resource", kind: iam.Resource("ecr"), text: inBucket(root, "ecr:BatchGetImage", "*"), want: "has a Resource"},
		{name: "a key that locks its maker out", kind: kms, env: iam.Env{Caller: &builder}, text: ofKey, want: "will not allow you to update the key policy"},
		{name: "a key of its maker's account", kind: kms, env: iam.Env{Caller: &builder}, text: strings.Replace(ofKey, other, home, 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := iam.Validate(tt.kind, tt.text, tt.env)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestInlinePoliciesShareOneLimit(t *testing.T) {
	t.Parallel()
	half := policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/` + strings.Repeat("a", 5100) + `"}`)
	require.NoError(t, iam.CheckInline(half))
	require.ErrorContains(t, iam.CheckInline(half, half), "at most 10240")
}

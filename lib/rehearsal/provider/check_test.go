package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

var (
	bucketInputs = map[string]any{"bucket": "state-bucket-dev-a1b2"}
	policyInputs = map[string]any{"name": "boundary-dev-a1b2", "policy": allowJSON("s3:GetObject", "arn:aws:s3:::bucket-b/x")}
	aliasInputs  = map[string]any{"name": "alias/platform-key-dev-a1b2", "targetKeyId": "k"}
	hookInputs   = map[string]any{"repository": "infrastructure", "events": []any{"push"}, "configuration": map[string]any{"url": "https://example.com/hook", "contentType": "json"}}
)

func lifecycle(rule map[string]any) map[string]any {
	return map[string]any{"bucket": "b", "rules": []any{with(map[string]any{"id": "r", "status": "Enabled", "filter": map[string]any{}}, flat(rule)...)}}
}

func flat(m map[string]any) (out []any) {
	for k, v := range m {
		out = append(out, k, v)
	}
	return out
}

func TestCheckRefusesWhatAWSWouldRefuse(t *testing.T) {
	t.Parallel()
	many := map[string]any{}
	for i := range 51 {
		many[strings.Repeat("k", i+1)] = "v"
	}
	expire := map[string]any{"abortIncompleteMultipartUpload": map[string]any{"daysAfterInitiation": 7.0}}
	for _, tt := range []struct {
		name, tok string
		inputs    map[string]any
		want      string
	}{
		{"an unknown input", roleType, with(roleInputs, "colour", "red"), "colour is not an input that the local cloud knows"},
		{"a nested unknown input", typetoken.BucketVersioning, map[string]any{"bucket": "b", "versioningConfiguration": map[string]any{"state": "Enabled"}}, "versioningConfiguration.state is not an input"},
		{"a missing input", roleType, with(roleInputs, "assumeRolePolicy", nil), "assumeRolePolicy is required"},
		{"a missing nested input", typetoken.BucketVersioning, map[string]any{"bucket": "b", "versioningConfiguration": map[string]any{}}, "versioningConfiguration.status is required"},
		{"no name", roleType, with(roleInputs, "name", nil), "name is not set: everything is named, requirement S15"},
		{"a name with a space", roleType, with(roleInputs, "name", "a b"), `name is "a b": expected text that matches`},
		{"a long role name", roleType, with(roleInputs, "name", strings.Repeat("r", 65)), "name has 65 characters"},
		{"a number for a string", roleType, with(roleInputs, "name", 3.0), "name is a number: expected a string"},
		{"a string for a flag", roleType, with(roleInputs, "forceDetachPolicies", "yes"), "forceDetachPolicies is a string: expected true or false"},
		{"a string for a map", roleType, with(roleInputs, "tags", "x"), "tags is a string: expected an object"},
		{"a map for a list", hookTok, with(hookInputs, "events", map[string]any{}), "events is an object: expected a list"},
		{"a short session", roleType, with(roleInputs, "maxSessionDuration", 60.0), "maxSessionDuration is 60: expected 3600 to 43200"},
		{"a path", roleType, with(roleInputs, "path", "/x/"), "path is"},
		{"a trust policy with a resource", roleType, with(roleInputs, "assumeRolePolicy", allowJSON("sts:AssumeRole", "*")), "assumeRolePolicy MalformedPolicyDocument"},
		{"a policy that is not JSON", typetoken.Policy, with(policyInputs, "policy", "{"), "policy MalformedPolicyDocument"},
		{"an unknown action", typetoken.Policy, with(policyInputs, "policy", allowJSON("s3:GetEverything", "*")), "unknown action"},
		{"too many tags", roleType, with(roleInputs, "tags", many), "tags are 51: at most 50"},
		{"a reserved tag", roleType, with(roleInputs, "tags", map[string]any{"aws:x": "y"}), "reserved"},
		{"a long tag value", roleType, with(roleInputs, "tags", map[string]any{"x": strings.Repeat("v", 257)}), "more than 256 characters"},
		{"a tag that is not text", roleType, with(roleInputs, "tags", map[string]any{"x": 1.0}), "tags.x is a number"},

		{"a bucket with capitals", bucketType, with(bucketInputs, "bucket", "State"), `bucket is "State"`},
		{"a bucket like an address", bucketType, with(bucketInputs, "bucket", "10.0.0.1"), "S3 refuses"},
		{"a bucket with a reserved suffix", bucketType, with(bucketInputs, "bucket", "x-s3alias"), "S3 reserves"},
		{"a deprecated input", bucketType, with(bucketInputs, "acl", "private"), "acl is not an input"},
		{"two encryption rules", typetoken.BucketEncryption, map[string]any{"bucket": "b", "rules": []any{map[string]any{}, map[string]any{}}}, "rules has 2 elements: expected 1 to 1"},
		{"a key for AES256", typetoken.BucketEncryption, map[string]any{"bucket": "b", "rules": []any{map[string]any{"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "AES256", "kmsMasterKeyId": "arn:aws:kms:us-east-1:1:key/x"}}}}, "needs the algorithm aws:kms"},
		{"an ownership that does not exist", typetoken.BucketOwnershipControls, map[string]any{"bucket": "b", "rule": map[string]any{"objectOwnership": "Mine"}}, "expected one of BucketOwnerPreferred"},
		{"a policy for another bucket", typetoken.BucketPolicy, map[string]any{"bucket": "bucket-b", "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket-c/*"}]}`}, "speaks of arn:aws:s3:::bucket-c/*"},
		{"too many versions to keep", typetoken.BucketLifecycle, lifecycle(map[string]any{"noncurrentVersionExpiration": map[string]any{"noncurrentDays": 90.0, "newerNoncurrentVersions": 101.0}}), "newerNoncurrentVersions is 101: expected 1 to 100"},
		{"versions to keep without days", typetoken.BucketLifecycle, lifecycle(map[string]any{"noncurrentVersionExpiration": map[string]any{"newerNoncurrentVersions": 10.0}}), "noncurrentDays is required"},
		{"a rule without an action", typetoken.BucketLifecycle, lifecycle(nil), "rules[0] has no action"},
		{"a rule without a filter", typetoken.BucketLifecycle, lifecycle(map[string]any{"filter": nil, "abortIncompleteMultipartUpload": expire["abortIncompleteMultipartUpload"]}), "rules[0] has no filter"},
		{"incomplete uploads by tag", typetoken.BucketLifecycle, lifecycle(with(expire, "filter", map[string]any{"tag": map[string]any{"key": "a", "value": "b"}})), "can't be used with a filter by tag or size"},
		{"content twice", typetoken.Object, map[string]any{"bucket": "b", "key": "k", "content": "x", "contentBase64": "eA=="}, "exclude each other"},

		{"a short deletion window", typetoken.Key, map[string]any{"deletionWindowInDays": 3.0}, "expected 7 to 30"},
		{"rotation of an asymmetric key", typetoken.Key, map[string]any{"customerMasterKeySpec": "RSA_2048", "enableKeyRotation": true}, "symmetric encryption keys only"},
		{"an alias without its prefix", typetoken.KeyAlias, with(aliasInputs, "name", "platform"), `name is "platform"`},
		{"a reserved alias", typetoken.KeyAlias, with(aliasInputs, "name", "alias/aws/s3"), "reserved"},

		{"an event that does not exist", hookTok, with(hookInputs, "events", []any{"pushed"}), "expected one of"},
		{"no configuration", hookTok, with(hookInputs, "configuration", nil), "configuration is not set"},
		{"a name that GitHub keeps", typetoken.GitHubVariable, map[string]any{"repository": "r", "environment": "dev", "variableName": "github_x", "value": "v"}, "must not begin with GITHUB_"},
		{"a password too short for its minimums", typetoken.RandomPassword, map[string]any{"length": 2.0, "minLower": 3.0}, "at least the sum of the minimums, 3"},
		{"a password of nothing", typetoken.RandomPassword, map[string]any{"length": 8.0, "special": false, "lower": false, "upper": false, "numeric": false}, "expected one of them to be true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plugin, _, _ := strings.Cut(tt.tok, ":")
			require.Contains(t, newRig(t).connect(plugin).failures(tt.tok, tt.inputs), tt.want)
		})
	}
}

const (
	hookTok = typetoken.GitHubWebhook
)

func TestCheckAcceptsWhatAWSAccepts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for tok, list := range map[string][]map[string]any{
		roleType:                  {roleInputs, with(roleInputs, "name", open), with(roleInputs, "tags", map[string]any{"a": open})},
		typetoken.Policy:          {policyInputs},
		bucketType:                {bucketInputs, with(bucketInputs, "bucket", "abc"), with(bucketInputs, "bucket", strings.Repeat("b", 63))},
		typetoken.KeyAlias:        {aliasInputs},
		hookTok:                   {hookInputs},
		typetoken.BucketLifecycle: {lifecycle(map[string]any{"noncurrentVersionExpiration": map[string]any{"noncurrentDays": 90.0, "newerNoncurrentVersions": 10.0}})},
	} {
		plugin, _, _ := strings.Cut(tok, ":")
		for _, inputs := range list {
			require.Empty(t, r.connect(plugin).failures(tok, inputs), tok)
		}
	}
}

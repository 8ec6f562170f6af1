package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

const (
	keyType    = "aws:kms/key:Key"
	bucketType = "aws:s3/bucketV2:BucketV2"
	caller     = "aws:index/getCallerIdentity:getCallerIdentity"
)

// environments are those of the rehearsal, changed, as configuration has them.
func environments(change func(promotion.Environments)) string {
	all := promotion.Default().WithAccounts(settings.RehearsalAccounts())
	change(all)
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // they are texts and booleans
	}
	return string(text)
}

func configuration(more map[string]string) map[string]string {
	c := map[string]string{
		"aws:region":                  "us-east-1",
		"bootstrap:environmentSuffix": plantest.Suffix,
		"bootstrap:environments":      environments(func(promotion.Environments) {}),
		"bootstrap:repositoryOwner":   "acme",
		"bootstrap:repositoryName":    "infrastructure",
		"bootstrap:owners":            `["platform@example.com"]`,
		"bootstrap:operators":         `["` + plantest.Operator + `"]`,
	}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func run(t *testing.T) []plantest.Resource {
	t.Helper()
	return plantest.Run(t, "bootstrap", plantest.Suffix, configuration(nil), program, nil)
}

func TestBootstrapKeepsTheRulesOfThePlatform(t *testing.T) {
	t.Parallel()
	rs := run(t)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Application": "pulumi-delivery", "EnvironmentSuffix": plantest.Suffix})
}

func TestThePlatformAndEachEnvironmentHaveAKeyAndAStateBucket(t *testing.T) {
	t.Parallel()
	rs := run(t)
	require.Len(t, plantest.OfType(rs, keyType), 4)
	require.Len(t, plantest.OfType(rs, "aws:kms/alias:Alias"), 4)
	var buckets []string
	for _, b := range plantest.OfType(rs, bucketType) {
		buckets = append(buckets, b.Text("bucket"))
	}
	require.ElementsMatch(t, []string{"state-bucket-shared-a1b2", "state-bucket-dev-a1b2", "state-bucket-staging-a1b2", "state-bucket-prod-a1b2"}, buckets)
	for _, typ := range []string{
		"aws:s3/bucketVersioningV2:BucketVersioningV2", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
		"aws:s3/bucketOwnershipControls:BucketOwnershipControls", "aws:s3/bucketPolicy:BucketPolicy",
		"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
		"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
	} {
		require.Len(t, plantest.OfType(rs, typ), 4, typ)
	}
}

// TestEachStateBucketUsesTheKeyOfItsEnvironment keeps one environment's
// pipeline from reading another one's state.
func TestEachStateBucketUsesTheKeyOfItsEnvironment(t *testing.T) {
	t.Parallel()
	var opts []plantest.Option
	arn := func(env naming.Environment) string {
		return fmt.Sprintf("arn:aws:kms:us-east-1:%s:key/%s", plantest.DeliveryAccount, env)
	}
	all := append(plantest.Settings().Environments.Names(), naming.Shared)
	for _, env := range all {
		opts = append(opts, plantest.Output(keyType, "key-"+string(env), map[string]any{"arn": arn(env)}))
	}
	rs := plantest.Run(t, "bootstrap", plantest.Suffix, configuration(nil), program, nil, opts...)
	for _, env := range all {
		e := plantest.One(t, rs, "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "state-"+string(env))
		rules := e.Inputs["rules"].([]any)[0].(map[string]any)
		require.Equal(t, true, rules["bucketKeyEnabled"])
		require.Equal(t, arn(env), rules["applyServerSideEncryptionByDefault"].(map[string]any)["kmsMasterKeyId"])
	}
}

// TestNoOperatorReadsWorkloadState holds that the keys of the environments
// name no operator, and the platform key does.
func TestNoOperatorReadsWorkloadState(t *testing.T) {
	t.Parallel()
	for _, key := range plantest.OfType(run(t), keyType) {
		doc, err := iampolicy.Parse(key.Text("policy"))
		require.NoError(t, err)
		named := false
		for _, s := range doc.Statement {
			named = named || slices.Contains(s.Condition["StringEquals"]["aws:PrincipalArn"], plantest.Operator)
		}
		require.Equal(t, key.Name == "key-shared", named, key.Name)
	}
}

func TestOperatorsDefaultToTheCaller(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:sts::111122223333:assumed-role/Operator/someone": "arn:aws:iam::111122223333:role/Operator",
		"arn:aws:iam::111122223333:user/team/someone":             "arn:aws:iam::111122223333:user/team/someone",
	} {
		got, err := operatorOf(arn)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := operatorOf("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/someone")
	require.ErrorContains(t, err, "aws iam get-role --role-name AWSReservedSSO_Admin_0123456789abcdef")
}

func TestSettingsErrorsNameTheKeyAndTheRemedy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, value string
		want             []string
	}{
		{"suffix of another stack", "bootstrap:environmentSuffix", "c3d4", []string{"the stack is \"a1b2\""}},
		{"upper-case suffix", "bootstrap:environmentSuffix", "A1", []string{"bootstrap:environmentSuffix", "pulumi config set"}},
		{"short account", "bootstrap:environments", environments(func(e promotion.Environments) { e[2].Account = "12345" }), []string{`"bootstrap:environments[2].account" is "12345"`, "twelve-digit", "--path"}},
		{"no account", "bootstrap:environments", "", []string{"bootstrap:environments[0].account", "bootstrap:environments[2].account", "twelve-digit"}},
		{"a misspelt key", "bootstrap:environments", `[{"name":"dev","account":"123456789012","aproval":true}]`, []string{"bootstrap:environments", `unknown field "aproval"`}},
		{"no list", "bootstrap:environments", "dev", []string{"bootstrap:environments", "a list of environments"}},
		{"a circle", "bootstrap:environments", environments(func(e promotion.Environments) { e[1].Follows = "prod" }), []string{`"bootstrap:environments[1].follows" is "prod"`, "does not itself come after staging"}},
		{"one account twice", "bootstrap:environments", environments(func(e promotion.Environments) { e[1].Account = e[0].Account }), []string{`"bootstrap:environments[1].account"`, "another account than that of dev", "allowSharedAccounts"}},
		{"no owners", "bootstrap:owners", "[]", []string{"bootstrap:owners[0]", "--path"}},
		{"owners are not a list", "bootstrap:owners", "a@example.com", []string{"bootstrap:owners", "a list"}},
		{"operator is a session", "bootstrap:operators", `["arn:aws:sts::111122223333:assumed-role/a/b"]`, []string{"bootstrap:operators[0]"}},
		{"another region", "aws:region", "eu-central-1", []string{"aws:region", "us-east-1"}},
		{"branch with a prefix", "bootstrap:branch", "../main", []string{"bootstrap:branch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rs, err := plantest.Try("bootstrap", plantest.Suffix, configuration(map[string]string{c.key: c.value}), program, nil)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, plantest.OfType(rs, keyType))
		})
	}
}

func TestRootUserIsNoOperator(t *testing.T) {
	t.Parallel()
	_, err := plantest.Try("bootstrap", plantest.Suffix, configuration(map[string]string{"bootstrap:operators": ""}), program, nil,
		plantest.Call(caller, map[string]any{"accountId": plantest.DeliveryAccount, "arn": "arn:aws:iam::111122223333:root", "userId": "1", "id": "1"}))
	require.ErrorContains(t, err, "bootstrap:operators[0]")
}

func TestURNsNeverChange(t *testing.T) {
	t.Parallel()
	plantest.GoldenURNs(t, "bootstrap", run(t), "bootstrap", plantest.Suffix)
}

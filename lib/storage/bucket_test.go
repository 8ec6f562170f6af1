package storage_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/storage"
)

const keyARN = "arn:aws:kms:us-east-1:111122223333:key/1"

func bucketArgs() *storage.BucketArgs {
	return &storage.BucketArgs{
		Names: naming.New(naming.Dev, plantest.Suffix), Kind: naming.StateBucket, KeyARN: pulumi.String(keyARN),
		Expire: storage.Lifecycle{NoncurrentDays: 90, NewestNoncurrent: 10, IncompleteUploadDays: 7, CurrentDays: 30, CurrentPrefix: "tmp/"},
	}
}

func try(a *storage.BucketArgs) ([]plantest.Resource, *storage.Bucket, error) {
	var made *storage.Bucket
	rs, err := plantest.Try("test", "a1b2", nil, func(ctx *pulumi.Context) (err error) {
		made, err = storage.NewBucket(ctx, "state", a)
		return err
	}, nil)
	return rs, made, err
}

func TestBucketIsGuardedInEveryRespect(t *testing.T) {
	t.Parallel()
	a := bucketArgs()
	a.Statements = []iampolicy.Statement{iampolicy.Allow("s3:GetObject").ToService("cloudtrail.amazonaws.com").On("arn:aws:s3:::state-bucket-dev-a1b2/*")}
	rs, made, err := try(a)
	require.NoError(t, err)
	require.Len(t, made.Ready, 6)
	for _, r := range rs {
		if r.Custom && r.Type != "aws:s3/bucketV2:BucketV2" {
			require.Equal(t, "state-bucket-dev-a1b2", r.Text("bucket"), r.String())
		}
	}
	block := plantest.One(t, rs, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "state")
	for _, key := range []string{"blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"} {
		require.Equal(t, true, block.Inputs[key], key)
	}
	policy, err := iampolicy.Parse(plantest.One(t, rs, "aws:s3/bucketPolicy:BucketPolicy", "state").Text("policy"))
	require.NoError(t, err)
	require.Len(t, policy.Statement, 2)
	tls := policy.Statement[0]
	require.Equal(t, iampolicy.EffectDeny, tls.Effect)
	require.True(t, tls.Principal.Everyone)
	require.Equal(t, iampolicy.Strings{"false"}, tls.Condition["Bool"]["aws:SecureTransport"])
	require.Equal(t, iampolicy.Strings{"arn:aws:s3:::state-bucket-dev-a1b2", "arn:aws:s3:::state-bucket-dev-a1b2/*"}, tls.Resource)
	require.Equal(t, "Enabled", plantest.One(t, rs, "aws:s3/bucketVersioningV2:BucketVersioningV2", "state").Inputs["versioningConfiguration"].(map[string]any)["status"])
	require.Len(t, plantest.One(t, rs, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "state").Inputs["rules"], 3)
}

func TestABucketKeyIsUsedUnlessTheCallerSaysNo(t *testing.T) {
	t.Parallel()
	for _, without := range []bool{false, true} {
		a := bucketArgs()
		a.NoBucketKey = without
		rs, _, err := try(a)
		require.NoError(t, err)
		e := plantest.One(t, rs, "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "state")
		require.Equal(t, !without, e.Inputs["rules"].([]any)[0].(map[string]any)["bucketKeyEnabled"])
	}
}

func TestBucketRefusesBadArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*storage.BucketArgs)
		want   string
	}{
		"upper case":                {func(a *storage.BucketArgs) { a.Kind = naming.Kind{Prefix: "State", Max: 63} }, "is not a bucket name"},
		"no key":                    {func(a *storage.BucketArgs) { a.KeyARN = nil }, "no KMS key"},
		"no lifecycle":              {func(a *storage.BucketArgs) { a.Expire = storage.Lifecycle{} }, "no lifecycle"},
		"negative age":              {func(a *storage.BucketArgs) { a.Expire.CurrentDays = -1 }, "negative"},
		"too many versions":         {func(a *storage.BucketArgs) { a.Expire.NewestNoncurrent = 101 }, "at most 100"},
		"versions without age":      {func(a *storage.BucketArgs) { a.Expire.NoncurrentDays = 0 }, "set NoncurrentDays"},
		"prefix without age":        {func(a *storage.BucketArgs) { a.Expire.CurrentDays = 0 }, "set CurrentDays"},
		"statement with a wildcard": {func(a *storage.BucketArgs) { a.Statements = []iampolicy.Statement{iampolicy.Allow("s3:Get*").On("x")} }, "wildcard"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := bucketArgs()
			c.change(a)
			rs, _, err := try(a)
			require.ErrorContains(t, err, c.want)
			require.Empty(t, plantest.OfType(rs, "aws:s3/bucketV2:BucketV2"))
		})
	}
	_, _, err := try(nil)
	require.ErrorContains(t, err, "no arguments")
}

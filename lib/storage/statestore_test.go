package storage_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/storage"
)

func TestOldStateIsKeptForMending(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "test", "a1b2", nil, func(ctx *pulumi.Context) error {
		_, err := storage.NewStateStore(ctx, "state", &storage.StateStoreArgs{Names: naming.New(naming.Dev, plantest.Suffix), KeyARN: pulumi.String("arn")})
		return err
	}, nil)
	rules := plantest.One(t, rs, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "state").Inputs["rules"].([]any)
	require.Len(t, rules, 2, "current state never expires")
	old := rules[0].(map[string]any)["noncurrentVersionExpiration"].(map[string]any)
	require.InDelta(t, 90, old["noncurrentDays"], 0)
	require.InDelta(t, 10, old["newerNoncurrentVersions"], 0)
	uploads := rules[1].(map[string]any)["abortIncompleteMultipartUpload"].(map[string]any)
	require.InDelta(t, 7, uploads["daysAfterInitiation"], 0)
}

func TestStoreRefusesMissingArguments(t *testing.T) {
	t.Parallel()
	_, err := plantest.Try("test", "a1b2", nil, func(ctx *pulumi.Context) error {
		_, err := storage.NewStateStore(ctx, "state", nil)
		return err
	}, nil)
	require.ErrorContains(t, err, "no arguments")
}

package storage_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/storage"
)

func artifactStore(args *storage.ArtifactStoreArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := storage.NewArtifactStore(ctx, "artifacts", args)
		return err
	}
}

func TestTheStoreKeepsTheRulesAndCleansUp(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "environment-dev", plantest.Suffix, nil, artifactStore(&storage.ArtifactStoreArgs{
		Names: naming.New(naming.Dev, plantest.Suffix), KeyARN: plantest.Key(naming.Dev), Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
	}), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	lifecycle := plantest.One(t, rs, "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", "")
	require.Len(t, lifecycle.Inputs["rules"], 3, "old versions, unfinished uploads and the artifacts themselves")
}

func TestPrefixCutsNamesAsCodePipelineDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pipeline, artifact, want string }{
		{"my-pipeline", "invokeOutput", "my-pipeline/invokeOutp/"}, // AWS's example
		{"pipeline-dev-a1b2", "Bundle", "pipeline-dev-a1b2/Bundle/"},
		{"pipeline-staging-a1b2c3d4e5f6", "Bundle", "pipeline-staging-a1b/Bundle/"},
	} {
		require.Equal(t, c.want, storage.ArtifactPrefix(c.pipeline, c.artifact))
	}
}

func TestAStoreWithoutAKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range []*storage.ArtifactStoreArgs{nil, {Names: naming.New(naming.Dev, plantest.Suffix)}} {
		_, err := plantest.Try("environment-dev", plantest.Suffix, nil, artifactStore(args), nil)
		require.ErrorContains(t, err, "has no KMS key")
	}
}

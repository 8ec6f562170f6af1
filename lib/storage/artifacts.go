package storage

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// Retention of artifacts. A bundle is the evidence of what was approved.
const (
	artifactDays        = 90
	artifactVersionDays = 7
)

// ArtifactPrefix is what the keys of a pipeline's artifact begin with, the slash
// included. CodePipeline takes the first 20 characters of the pipeline's name
// and the first 10 of the artifact's; AWS shows that by example only, so that
// the guide lists it among what a real account has to confirm.
func ArtifactPrefix(pipeline, artifact string) string {
	return first(20, pipeline) + "/" + first(10, artifact) + "/"
}

func first(n int, of string) string { return of[:min(n, len(of))] }

// ArtifactStoreArgs describe an artifact store.
type ArtifactStoreArgs struct {
	// Names gives the bucket's physical name.
	Names naming.Namer
	// KeyARN is the KMS key of the environment.
	KeyARN string
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// ArtifactStore is the bucket in which a pipeline keeps what its stages hand to
// one another: the source and the bundle of the preview.
type ArtifactStore struct {
	pulumi.ResourceState

	// Name is the bucket's physical name.
	Name pulumi.StringOutput
	// Ready are the resources that must exist before anybody writes to it.
	Ready []pulumi.Resource
}

// NewArtifactStore makes an artifact store.
func NewArtifactStore(ctx *pulumi.Context, name string, args *ArtifactStoreArgs, opts ...pulumi.ResourceOption) (*ArtifactStore, error) {
	if args == nil || args.KeyARN == "" {
		return nil, fmt.Errorf("artifact store %s has no KMS key: set KeyARN", name)
	}
	s := &ArtifactStore{}
	if err := ctx.RegisterComponentResource("pipeline:storage:ArtifactStore", name, s, opts...); err != nil {
		return nil, err
	}
	b, err := NewBucket(ctx, name, &BucketArgs{
		Names:  args.Names,
		Kind:   naming.ArtifactBucket,
		KeyARN: pulumi.String(args.KeyARN),
		Expire: Lifecycle{CurrentDays: artifactDays, NoncurrentDays: artifactVersionDays, IncompleteUploadDays: incompleteUploadDays},
		Tags:   args.Tags,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	s.Name, s.Ready = b.Name, b.Ready
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"name": s.Name})
}

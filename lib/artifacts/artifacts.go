// Package artifacts makes the bucket in which a pipeline keeps what its stages
// hand to one another: the source and the bundle of the preview.
package artifacts

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/bucket"
)

// Retention of artifacts. A bundle is the evidence of what was approved.
const (
	keepDays    = 90
	keepOldDays = 7
	uploadsDays = 7
)

// Prefix is what the keys of a pipeline's artifact begin with, the slash
// included. CodePipeline takes the first 20 characters of the pipeline's name
// and the first 10 of the artifact's; AWS shows that by example only, so that
// the guide lists it among what a real account has to confirm.
func Prefix(pipeline, artifact string) string {
	return first(20, pipeline) + "/" + first(10, artifact) + "/"
}

func first(n int, of string) string { return of[:min(n, len(of))] }

// Args describe a store.
type Args struct {
	// Name is the bucket's physical name, from lib/naming.
	Name string
	// KeyARN is the KMS key of the environment.
	KeyARN string
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// Store is the artifact bucket of a pipeline.
type Store struct {
	pulumi.ResourceState

	// Name is the bucket's physical name.
	Name pulumi.StringOutput
	// Ready are the resources that must exist before anybody writes to it.
	Ready []pulumi.Resource
}

// New makes a store.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Store, error) {
	if args == nil || args.KeyARN == "" {
		return nil, fmt.Errorf("artifact store %s has no KMS key: set KeyARN", name)
	}
	s := &Store{}
	if err := ctx.RegisterComponentResource("pipeline:storage:ArtifactStore", name, s, opts...); err != nil {
		return nil, err
	}
	b, err := bucket.New(ctx, name, &bucket.Args{
		Name:   args.Name,
		KeyARN: pulumi.String(args.KeyARN),
		Expire: bucket.Lifecycle{CurrentDays: keepDays, NoncurrentDays: keepOldDays, IncompleteUploadDays: uploadsDays},
		Tags:   args.Tags,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	s.Name, s.Ready = b.Name, b.Ready
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"name": s.Name})
}

// Package artifacts makes the bucket in which a pipeline keeps what its stages
// hand to one another: the source and the bundle of the preview.
package artifacts

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery/lib/bucket"
)

// Retention of artifacts. An execution may wait seven days for an approval; a
// bundle is also the evidence of what was approved.
const (
	keepDays    = 90
	keepOldDays = 7
	uploadsDays = 7
)

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

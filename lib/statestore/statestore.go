package statestore

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/bucket"
)

// Retention of state: every update writes a version, and a corrupt or lost
// state is mended from an older one.
const (
	keepDays    = 90
	keepNewest  = 10
	uploadsDays = 7
)

// Args describe a store.
type Args struct {
	// Name is the bucket's physical name, from lib/naming.
	Name string
	// KeyARN is the KMS key of the environment, or of the platform.
	KeyARN pulumi.StringInput
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// Store is a bucket for Pulumi state.
type Store struct {
	pulumi.ResourceState

	// Name is the bucket's physical name.
	Name pulumi.StringOutput
	// ARN is the bucket's ARN.
	ARN pulumi.StringOutput
}

// New makes a store.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Store, error) {
	if args == nil {
		return nil, fmt.Errorf("state store %s has no arguments", name)
	}
	s := &Store{}
	if err := ctx.RegisterComponentResource("pipeline:storage:StateStore", name, s, opts...); err != nil {
		return nil, err
	}
	b, err := bucket.New(ctx, name, &bucket.Args{
		Name:   args.Name,
		KeyARN: args.KeyARN,
		Expire: bucket.Lifecycle{NoncurrentDays: keepDays, NewestNoncurrent: keepNewest, IncompleteUploadDays: uploadsDays},
		Tags:   args.Tags,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	s.Name, s.ARN = b.Name, b.ARN
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"name": s.Name, "arn": s.ARN})
}

package storage

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// Retention of state: every update writes a version, and a corrupt or lost
// state is mended from an older one.
const (
	stateVersionDays    = 90
	stateVersionsNewest = 10
)

// StateStoreArgs describe a store of state.
type StateStoreArgs struct {
	// Names gives the bucket's physical name.
	Names naming.Namer
	// KeyARN is the KMS key of the environment, or of the platform.
	KeyARN pulumi.StringInput
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// StateStore is a bucket for Pulumi state.
type StateStore struct {
	pulumi.ResourceState

	// Name is the bucket's physical name.
	Name pulumi.StringOutput
	// ARN is the bucket's ARN.
	ARN pulumi.StringOutput
	// Ready are the resources that must exist before anybody writes to it.
	Ready []pulumi.Resource
}

// NewStateStore makes a store of state.
func NewStateStore(ctx *pulumi.Context, name string, args *StateStoreArgs, opts ...pulumi.ResourceOption) (*StateStore, error) {
	if args == nil {
		return nil, fmt.Errorf("state store %s has no arguments", name)
	}
	s := &StateStore{}
	if err := ctx.RegisterComponentResource("pipeline:storage:StateStore", name, s, opts...); err != nil {
		return nil, err
	}
	b, err := NewBucket(ctx, name, &BucketArgs{
		Names:  args.Names,
		Kind:   naming.StateBucket,
		KeyARN: args.KeyARN,
		Expire: Lifecycle{NoncurrentDays: stateVersionDays, NewestNoncurrent: stateVersionsNewest, IncompleteUploadDays: incompleteUploadDays},
		Tags:   args.Tags,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	s.Name, s.ARN, s.Ready = b.Name, b.ARN, b.Ready
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"name": s.Name, "arn": s.ARN})
}

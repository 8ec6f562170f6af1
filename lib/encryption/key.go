package encryption

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// deletionDays is the shortest waiting time that KMS offers. The key can't be
// used from the first day on, and is not billed.
const deletionDays = 7

// Args describe a key.
type Args struct {
	// Names gives the alias.
	Names naming.Namer
	// Description says what the key encrypts.
	Description string
	// Policy is the key policy: Platform or ForEnvironment.
	Policy iampolicy.Document
	// Tags are put on the key.
	Tags pulumi.StringMap
}

// Key is a KMS key with its alias.
type Key struct {
	pulumi.ResourceState

	// ARN is the key's ARN.
	ARN pulumi.StringOutput
	// Alias is the alias.
	Alias pulumi.StringOutput
	// Ready are the resources that must exist before the key is found by its
	// alias.
	Ready []pulumi.Resource
}

func (a *Args) validate(name string) error {
	if a == nil {
		return fmt.Errorf("key %s has no arguments", name)
	}
	var errs []error
	if a.Description == "" {
		errs = append(errs, fmt.Errorf("key %s has no description: say what it encrypts", name))
	}
	return errors.Join(errs...)
}

// NewKey makes a key.
func NewKey(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Key, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := args.Policy.JSON()
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	k := &Key{}
	if err := ctx.RegisterComponentResource("pipeline:encryption:Key", name, k, opts...); err != nil {
		return nil, err
	}
	made, err := kms.NewKey(ctx, name, &kms.KeyArgs{
		Description:          pulumi.String(args.Description),
		EnableKeyRotation:    pulumi.Bool(true),
		DeletionWindowInDays: pulumi.Int(deletionDays),
		Policy:               pulumi.String(policy),
		Tags:                 args.Tags,
	}, pulumi.Parent(k))
	if err != nil {
		return nil, err
	}
	// An alias can't have a twin: the old one goes before the new one comes.
	alias, err := kms.NewAlias(ctx, name+"-alias", &kms.AliasArgs{
		Name:        pulumi.String(args.Names.Of(naming.KeyAlias)),
		TargetKeyId: made.KeyId,
	}, pulumi.Parent(k), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	k.ARN, k.Alias, k.Ready = made.Arn, alias.Name, []pulumi.Resource{made, alias}
	return k, ctx.RegisterResourceOutputs(k, pulumi.Map{"arn": k.ARN, "alias": k.Alias})
}

package eventing

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// BusArgs describe the bus.
type BusArgs struct {
	// Names and Scope give its name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// Publishers are all who may put events.
	Publishers []Publisher
	// Tags are put on the bus.
	Tags pulumi.StringMap
}

// Bus is the delivery event bus, on which the receiver says that there was a
// push and the deployers say what became of it. Its events are encrypted with a key of AWS:
// they hold commits and names of files, and a key of our own would make each
// rule depend on it.
type Bus struct {
	pulumi.ResourceState

	// Name and ARN are the bus's.
	Name, ARN pulumi.StringOutput
	// Ready are the resources that must exist before anybody puts events on it.
	Ready []pulumi.Resource
}

func (a *BusArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("bus %s has no arguments", name)
	}
	var errs []error
	if a.Scope == (naming.Scope{}) {
		errs = append(errs, fmt.Errorf("bus %s has no ARN: set Scope", name))
	}
	if len(a.Publishers) == 0 {
		errs = append(errs, fmt.Errorf("bus %s would be closed to everybody: set Publishers", name))
	}
	for i, p := range a.Publishers {
		if p.RoleARN == "" || p.Source == "" || p.DetailType == "" {
			errs = append(errs, fmt.Errorf("publisher %d of bus %s needs RoleARN, Source and DetailType", i, name))
		}
	}
	return errors.Join(errs...)
}

// NewBus makes the bus.
func NewBus(ctx *pulumi.Context, name string, args *BusArgs, opts ...pulumi.ResourceOption) (*Bus, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := args.policy()
	if err != nil {
		return nil, fmt.Errorf("bus %s: %w", name, err)
	}
	b := &Bus{}
	if err := ctx.RegisterComponentResource("pipeline:events:Bus", name, b, opts...); err != nil {
		return nil, err
	}
	bus, err := cloudwatch.NewEventBus(ctx, name, &cloudwatch.EventBusArgs{
		Name:        pulumi.String(args.Names.Of(naming.DeliveryBus)),
		Description: pulumi.String("Pushes and deployments of the delivery platform"),
		Tags:        args.Tags,
	}, pulumi.Parent(b), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	guard, err := cloudwatch.NewEventBusPolicy(ctx, name, &cloudwatch.EventBusPolicyArgs{
		EventBusName: bus.Name,
		Policy:       pulumi.String(policy),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	b.Name, b.ARN, b.Ready = bus.Name, bus.Arn, []pulumi.Resource{bus, guard}
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.Name, "arn": b.ARN})
}

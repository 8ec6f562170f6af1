// Package events makes the delivery event bus, on which the receiver says that
// there was a push and the deployers say what became of it. Who may put events
// is decided by the identity policies of those roles; the rules that react are
// made by the environments.
package events

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args describe the bus.
type Args struct {
	// Name is the physical name, from lib/naming.
	Name string
	// Tags are put on the bus.
	Tags pulumi.StringMap
}

// Bus is the delivery event bus. Its events are encrypted with a key of AWS:
// they hold commits and names of files, and a key of our own would make each
// rule depend on it.
type Bus struct {
	pulumi.ResourceState

	// Name and ARN are the bus's.
	Name, ARN pulumi.StringOutput
}

// NewBus makes the bus.
func NewBus(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Bus, error) {
	if args == nil || args.Name == "" {
		return nil, fmt.Errorf("bus %s has no name: set Name from lib/naming", name)
	}
	b := &Bus{}
	if err := ctx.RegisterComponentResource("pipeline:events:Bus", name, b, opts...); err != nil {
		return nil, err
	}
	bus, err := cloudwatch.NewEventBus(ctx, name, &cloudwatch.EventBusArgs{
		Name:        pulumi.String(args.Name),
		Description: pulumi.String("Pushes and deployments of the delivery platform"),
		Tags:        args.Tags,
	}, pulumi.Parent(b), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	b.Name, b.ARN = bus.Name, bus.Arn
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.Name, "arn": b.ARN})
}

package sourcecontrol

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codeconnections"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ConnectionArgs describe the connection through which CodePipeline reads the
// repository.
type ConnectionArgs struct {
	// ExistingARN is a connection that has been handed over already; "" makes
	// one, which stays PENDING until a person completes it in the console.
	ExistingARN string
	// Name is the physical name of a new one, from lib/naming.
	Name string
	// Tags are put on a new one.
	Tags pulumi.StringMap
}

// Connection is the source connection.
type Connection struct {
	pulumi.ResourceState

	// ARN is the connection's.
	ARN pulumi.StringOutput
	// Status is PENDING, AVAILABLE or ERROR.
	Status pulumi.StringOutput
}

// NewConnection makes or adopts the connection. An adopted one is never
// changed or deleted: it outlives the platform, because a new one needs a
// person.
func NewConnection(ctx *pulumi.Context, name string, args *ConnectionArgs, opts ...pulumi.ResourceOption) (*Connection, error) {
	if args == nil || args.ExistingARN == "" && args.Name == "" {
		return nil, fmt.Errorf("connection %s needs ExistingARN or Name", name)
	}
	c := &Connection{}
	if err := ctx.RegisterComponentResource("pipeline:sourcecontrol:Connection", name, c, opts...); err != nil {
		return nil, err
	}
	if args.ExistingARN != "" {
		c.ARN = pulumi.String(args.ExistingARN).ToStringOutput()
		// A given connection was completed before it was given.
		c.Status = pulumi.String("AVAILABLE").ToStringOutput()
		return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.ARN, "status": c.Status})
	}
	made, err := codeconnections.NewConnection(ctx, name, &codeconnections.ConnectionArgs{
		Name:         pulumi.String(args.Name),
		ProviderType: pulumi.String("GitHub"),
		Tags:         args.Tags,
	}, pulumi.Parent(c), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	c.ARN, c.Status = made.Arn, made.ConnectionStatus
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.ARN, "status": c.Status})
}

package compute

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// RetentionDays is how long every log group keeps its events (requirement S6).
const RetentionDays = 30

// LogGroupArgs describe a log group.
type LogGroupArgs struct {
	// Names and Kind give the physical name.
	Names naming.Namer
	Kind  naming.Kind
	// KeyARN is the KMS key. Its policy must let CloudWatch Logs encrypt this
	// group.
	KeyARN string
	// Tags are put on the log group.
	Tags pulumi.StringMap
}

// NewLogGroup makes the log group of a component, which is its parent and with
// which it is removed.
func NewLogGroup(ctx *pulumi.Context, name string, args *LogGroupArgs, opts ...pulumi.ResourceOption) (*cloudwatch.LogGroup, error) {
	return cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		Name:            pulumi.String(args.Names.Of(args.Kind)),
		RetentionInDays: pulumi.Int(RetentionDays),
		KmsKeyId:        pulumi.String(args.KeyARN),
		Tags:            args.Tags,
	}, append(opts, pulumi.DeleteBeforeReplace(true))...)
}

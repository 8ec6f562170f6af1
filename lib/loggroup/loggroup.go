// Package loggroup makes the log groups of everything that the platform runs:
// encrypted, kept for as long as requirement S6 says, and removed with their
// owner.
package loggroup

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RetentionDays is how long every log group keeps its events (requirement S6).
const RetentionDays = 30

// New makes the log group of a component, which is its parent. The group's
// physical name comes from lib/naming; the key's policy must let CloudWatch
// Logs encrypt it.
func New(ctx *pulumi.Context, name, group, keyARN string, tags pulumi.StringMap, parent pulumi.Resource) (*cloudwatch.LogGroup, error) {
	return cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		Name:            pulumi.String(group),
		RetentionInDays: pulumi.Int(RetentionDays),
		KmsKeyId:        pulumi.String(keyARN),
		Tags:            tags,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
}

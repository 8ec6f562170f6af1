// Command orders is the Pulumi program of the order queue.
package main

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() { pulumi.Run(program) }

// maxReceives is how often an order may fail before it is put aside.
const maxReceives = 5

func program(ctx *pulumi.Context) error {
	suffix := config.Require(ctx, "suffix")
	name := func(prefix string) pulumi.String {
		return pulumi.String(fmt.Sprintf("%s-%s-%s", prefix, ctx.Stack(), suffix))
	}
	messaging, err := pulumi.NewStackReference(ctx, fmt.Sprintf("%s/messaging/%s", ctx.Organization(), ctx.Stack()), nil)
	if err != nil {
		return err
	}
	// A queue with a fixed name can't have a twin: the old one goes first.
	once := pulumi.DeleteBeforeReplace(true)
	failed, err := sqs.NewQueue(ctx, "orders-dead-letter", &sqs.QueueArgs{
		Name:                    name("orders-dead-letter-queue"),
		SqsManagedSseEnabled:    pulumi.Bool(true),
		MessageRetentionSeconds: pulumi.Int(14 * 24 * 3600),
	}, once)
	if err != nil {
		return err
	}
	redrive := failed.Arn.ApplyT(func(arn string) (string, error) {
		b, err := json.Marshal(map[string]any{"deadLetterTargetArn": arn, "maxReceiveCount": maxReceives})
		return string(b), err
	}).(pulumi.StringOutput)
	orders, err := sqs.NewQueue(ctx, "orders", &sqs.QueueArgs{
		Name:                     name("orders-queue"),
		SqsManagedSseEnabled:     pulumi.Bool(true),
		VisibilityTimeoutSeconds: pulumi.Int(60),
		RedrivePolicy:            redrive,
	}, once)
	if err != nil {
		return err
	}
	ctx.Export("queueArn", orders.Arn)
	ctx.Export("queueUrl", orders.Url)
	ctx.Export("alertsTopicArn", messaging.GetStringOutput(pulumi.String("topicArn")))
	return nil
}

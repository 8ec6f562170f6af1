package eventing

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// StateNotificationsArgs describe what is told of a pipeline.
type StateNotificationsArgs struct {
	// Names gives the name of the rule and of the pipeline.
	Names naming.Namer
	// TopicARN is where people listen.
	TopicARN string
	// DeadLetterARN is the queue of notifications that could not be delivered.
	DeadLetterARN pulumi.StringInput
	// Tags are put on the rule.
	Tags pulumi.StringMap
}

// StateNotifications tell people when a pipeline's state changes (S14).
type StateNotifications struct {
	pulumi.ResourceState
}

// states are what is told. STOPPING is not: STOPPED follows.
var states = []string{"STARTED", "RESUMED", "SUCCEEDED", "FAILED", "CANCELED", "STOPPED", "SUPERSEDED"}

// notificationPaths are the parts of the event that notificationTemplate uses; see
// docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html.
var notificationPaths = map[string]string{
	"pipeline": "$.detail.pipeline", "state": "$.detail.state", "execution": "$.detail.execution-id",
	"time": "$.time", "region": "$.region",
}

// notificationTemplate is a JSON string: the subscribers' mail.
const notificationTemplate = `"<pipeline>: execution <execution> is <state> since <time>. Details: ` +
	`https://<region>.console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>/executions/<execution>/timeline?region=<region>"`

func (a *StateNotificationsArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("state notifications %s have no arguments", name)
	}
	var errs []error
	if a.TopicARN == "" {
		errs = append(errs, fmt.Errorf("state notifications %s have no topic: set TopicARN", name))
	}
	if a.DeadLetterARN == nil {
		errs = append(errs, fmt.Errorf("state notifications %s can be lost: set DeadLetterARN", name))
	}
	return errors.Join(errs...)
}

// NewStateNotifications makes the rule.
func NewStateNotifications(ctx *pulumi.Context, name string, args *StateNotificationsArgs, opts ...pulumi.ResourceOption) (*StateNotifications, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	n := &StateNotifications{}
	if err := ctx.RegisterComponentResource("pipeline:trigger:News", name, n, opts...); err != nil {
		return nil, err
	}
	if err := Subscribe(ctx, name+"-rule", args.subscription(), n); err != nil {
		return nil, err
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{})
}

func (a *StateNotificationsArgs) subscription() Subscription {
	return Subscription{
		Names: a.Names, Kind: naming.StateRule,
		Description: "The state of the pipeline has changed",
		Pattern: Pattern{
			Source:     []string{"aws.codepipeline"},
			DetailType: []string{"CodePipeline Pipeline Execution State Change"},
			Detail:     map[string][]string{"pipeline": {a.Names.Of(naming.Pipeline)}, "state": states},
		},
		Target: Target{
			ID: "topic", ARN: pulumi.String(a.TopicARN),
			Input: cloudwatch.EventTargetInputTransformerArgs{
				InputPaths:    pulumi.ToStringMap(notificationPaths),
				InputTemplate: pulumi.String(notificationTemplate),
			},
		},
		DeadLetterARN: a.DeadLetterARN, Tags: a.Tags,
	}
}

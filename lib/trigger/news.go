package trigger

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// NewsArgs describe what is told of a pipeline.
type NewsArgs struct {
	// Names gives the name of the rule and of the pipeline.
	Names naming.Namer
	// TopicARN is where people listen.
	TopicARN string
	// DeadLetterARN is the queue of news that could not be delivered.
	DeadLetterARN pulumi.StringInput
	// Tags are put on the rule.
	Tags pulumi.StringMap
}

// News tells people when a pipeline's state changes (S14).
type News struct {
	pulumi.ResourceState
}

// states are what is told. STOPPING is not: STOPPED follows.
var states = []string{"STARTED", "RESUMED", "SUCCEEDED", "FAILED", "CANCELED", "STOPPED", "SUPERSEDED"}

// newsPaths are the parts of the event that newsTemplate uses; see
// docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html.
var newsPaths = map[string]string{
	"pipeline": "$.detail.pipeline", "state": "$.detail.state", "execution": "$.detail.execution-id",
	"time": "$.time", "region": "$.region",
}

// newsTemplate is a JSON string: the subscribers' mail.
const newsTemplate = `"<pipeline>: execution <execution> is <state> since <time>. Details: ` +
	`https://<region>.console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>/executions/<execution>/timeline?region=<region>"`

func (a *NewsArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("news %s has no arguments", name)
	}
	var errs []error
	if a.TopicARN == "" {
		errs = append(errs, fmt.Errorf("news %s reaches nobody: set TopicARN", name))
	}
	if a.DeadLetterARN == nil {
		errs = append(errs, fmt.Errorf("news %s can be lost: set DeadLetterARN", name))
	}
	return errors.Join(errs...)
}

// NewNews makes the rule. AWS services put events on the default bus only.
func NewNews(ctx *pulumi.Context, name string, args *NewsArgs, opts ...pulumi.ResourceOption) (*News, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	pattern, err := asJSON(Pattern{
		Source:     []string{"aws.codepipeline"},
		DetailType: []string{"CodePipeline Pipeline Execution State Change"},
		Detail:     map[string][]string{"pipeline": {args.Names.Of(naming.Pipeline)}, "state": states},
	})
	if err != nil {
		return nil, err
	}
	n := &News{}
	if err := ctx.RegisterComponentResource("pipeline:trigger:News", name, n, opts...); err != nil {
		return nil, err
	}
	rule, err := cloudwatch.NewEventRule(ctx, name+"-rule", &cloudwatch.EventRuleArgs{
		Name:         pulumi.String(args.Names.Of(naming.StateRule)),
		Description:  pulumi.String("The state of the pipeline has changed"),
		EventPattern: pulumi.String(pattern),
		State:        pulumi.String("ENABLED"),
		Tags:         args.Tags,
	}, pulumi.Parent(n), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	if _, err := cloudwatch.NewEventTarget(ctx, name+"-rule", &cloudwatch.EventTargetArgs{
		Rule:     rule.Name,
		TargetId: pulumi.String("topic"),
		Arn:      pulumi.String(args.TopicARN),
		InputTransformer: cloudwatch.EventTargetInputTransformerArgs{
			InputPaths:    pulumi.ToStringMap(newsPaths),
			InputTemplate: pulumi.String(newsTemplate),
		},
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: args.DeadLetterARN.ToStringOutput().ToStringPtrOutput()},
		RetryPolicy:      retryPolicy,
	}, pulumi.Parent(n)); err != nil {
		return nil, err
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{})
}

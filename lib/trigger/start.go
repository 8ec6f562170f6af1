package trigger

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/deadletter"
	"delivery.internal/lib/naming"
)

// StartArgs describe what starts a pipeline.
type StartArgs struct {
	// Names and Scope give every name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// Bus is the delivery event bus, by name.
	Bus string
	// On is the event that starts the pipeline.
	On Event
	// Pipeline is the pipeline's name.
	Pipeline pulumi.StringInput
	// StarterName and StarterARN are the function that starts it.
	StarterName, StarterARN string
	// AlarmTopicARN is where people hear of events that reached nobody.
	AlarmTopicARN string
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Start is the rule that has a pipeline started.
type Start struct {
	pulumi.ResourceState

	// DeadLetterARN is the queue of events that could not be delivered, from
	// this rule and from that of News.
	DeadLetterARN pulumi.StringOutput
}

func (a *StartArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("start %s has no arguments", name)
	}
	var errs []error
	if a.Bus == "" || a.Pipeline == nil {
		errs = append(errs, fmt.Errorf("start %s needs Bus and Pipeline", name))
	}
	if a.StarterName == "" || a.StarterARN == "" {
		errs = append(errs, fmt.Errorf("start %s has no function that starts: set StarterName and StarterARN", name))
	}
	if a.AlarmTopicARN == "" {
		errs = append(errs, fmt.Errorf("start %s would lose events in silence: set AlarmTopicARN", name))
	}
	if len(a.On.Pattern.Source) == 0 || len(a.On.Pattern.Detail) == 0 {
		errs = append(errs, fmt.Errorf("start %s would start at any event: set On to Pushed or Deployed", name))
	}
	return errors.Join(errs...)
}

// NewStart makes what starts a pipeline.
func NewStart(ctx *pulumi.Context, name string, args *StartArgs, opts ...pulumi.ResourceOption) (*Start, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	s := &Start{}
	if err := ctx.RegisterComponentResource("pipeline:trigger:Start", name, s, opts...); err != nil {
		return nil, err
	}
	queueName := args.Names.Of(naming.StartDeadLetter)
	queue, err := deadletter.New(ctx, name+"-dead-letter", &deadletter.Args{
		Name:      queueName,
		ARN:       args.Scope.Queue(queueName),
		AlarmName: args.Names.Of(naming.StartAlarm),
		Rules:     []string{args.ruleARN(), args.Scope.Rule(args.Names.Of(naming.StateRule))},
		TopicARN:  pulumi.String(args.AlarmTopicARN),
		Tags:      args.Tags,
	}, s)
	if err != nil {
		return nil, err
	}
	if err := args.subscribe(ctx, name, s, queue); err != nil {
		return nil, err
	}
	s.DeadLetterARN = queue.Arn
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"deadLetterArn": s.DeadLetterARN})
}

func (a *StartArgs) ruleARN() string {
	return a.Scope.BusRule(a.Bus, a.Names.Of(naming.StartRule))
}

// subscribe invokes the starter at the event. An hour is long enough for a
// fault of Lambda to pass; a push that is older is better pushed again.
func (a *StartArgs) subscribe(ctx *pulumi.Context, name string, parent pulumi.Resource, queue *sqs.Queue) error {
	pattern, err := asJSON(a.On.Pattern)
	if err != nil {
		return err
	}
	rule, err := cloudwatch.NewEventRule(ctx, name+"-rule", &cloudwatch.EventRuleArgs{
		Name:         pulumi.String(a.Names.Of(naming.StartRule)),
		Description:  pulumi.String(a.On.Description),
		EventBusName: pulumi.String(a.Bus),
		EventPattern: pulumi.String(pattern),
		State:        pulumi.String("ENABLED"),
		Tags:         a.Tags,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return err
	}
	permission, err := lambda.NewPermission(ctx, name+"-rule", &lambda.PermissionArgs{
		StatementId: pulumi.String("start-rule-" + string(a.Names.Environment())),
		Action:      pulumi.String("lambda:InvokeFunction"),
		Function:    pulumi.String(a.StarterName),
		Principal:   pulumi.String("events.amazonaws.com"),
		SourceArn:   rule.Arn,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewEventTarget(ctx, name+"-rule", &cloudwatch.EventTargetArgs{
		Rule:         rule.Name,
		EventBusName: pulumi.String(a.Bus),
		TargetId:     pulumi.String("starter"),
		Arn:          pulumi.String(a.StarterARN),
		InputTransformer: cloudwatch.EventTargetInputTransformerArgs{
			InputTemplate: startTemplate(a.Pipeline),
		},
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: queue.Arn},
		RetryPolicy:      retryPolicy,
	}, pulumi.Parent(parent), pulumi.DependsOn([]pulumi.Resource{permission}))
	return err
}

// startTemplate is a starter.Request. EventBridge puts the whole event in as
// JSON; parts of it that stand inside a text would not be escaped.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func startTemplate(pipeline pulumi.StringInput) pulumi.StringOutput {
	return pulumi.Sprintf(`{"pipeline":"%s","event":<aws.events.event.json>}`, pipeline)
}

var retryPolicy = cloudwatch.EventTargetRetryPolicyArgs{
	MaximumEventAgeInSeconds: pulumi.Int(3600),
	MaximumRetryAttempts:     pulumi.Int(20),
}

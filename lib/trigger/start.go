package trigger

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery/lib/iampolicy"
	"delivery/lib/naming"
	"delivery/lib/servicerole"
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
	// PipelineARN is the pipeline.
	PipelineARN pulumi.StringInput
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Start is the rule that starts a pipeline.
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
	if a.Bus == "" || a.PipelineARN == nil {
		errs = append(errs, fmt.Errorf("start %s needs Bus and PipelineARN", name))
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
	role, err := args.role(ctx, name, s)
	if err != nil {
		return nil, err
	}
	queue, err := args.deadLetters(ctx, name, s)
	if err != nil {
		return nil, err
	}
	if err := args.subscribe(ctx, name, s, role, queue); err != nil {
		return nil, err
	}
	s.DeadLetterARN = queue.Arn
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"deadLetterArn": s.DeadLetterARN})
}

// role is taken by EventBridge for this rule alone.
func (a *StartArgs) role(ctx *pulumi.Context, name string, parent pulumi.Resource) (*servicerole.Role, error) {
	policy, err := iampolicy.New(
		iampolicy.Allow("codepipeline:StartPipelineExecution").Named("Start").On(a.Scope.Pipeline(a.Names.Of(naming.Pipeline))),
	).JSON()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return servicerole.New(ctx, name+"-role", &servicerole.Args{
		RoleName:   a.Names.Of(naming.StartRole),
		PolicyName: a.Names.Of(naming.StartPolicy),
		Service:    "events.amazonaws.com",
		Conditions: []iampolicy.Condition{
			iampolicy.StringEquals("aws:SourceAccount", a.Scope.Account),
			iampolicy.ArnEquals("aws:SourceArn", a.Scope.BusRule(a.Bus, a.Names.Of(naming.StartRule))),
		},
		Policy: pulumi.String(policy),
		Tags:   a.Tags,
	}, pulumi.Parent(parent))
}

// deadLetters makes the queue of events that reached nobody.
func (a *StartArgs) deadLetters(ctx *pulumi.Context, name string, parent pulumi.Resource) (*sqs.Queue, error) {
	queueName := a.Names.Of(naming.StartDeadLetter)
	policy, err := iampolicy.New(
		iampolicy.Allow("sqs:SendMessage").Named("Rules").ToService("events.amazonaws.com").On(a.Scope.Queue(queueName)).
			When(iampolicy.ArnEquals("aws:SourceArn",
				a.Scope.BusRule(a.Bus, a.Names.Of(naming.StartRule)),
				a.Scope.Rule(a.Names.Of(naming.StateRule)))),
	).JSON()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	queue, err := sqs.NewQueue(ctx, name+"-dead-letter", &sqs.QueueArgs{
		Name:                    pulumi.String(queueName),
		MessageRetentionSeconds: pulumi.Int(14 * 24 * 3600), // the most that SQS keeps
		SqsManagedSseEnabled:    pulumi.Bool(true),
		Tags:                    a.Tags,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	_, err = sqs.NewQueuePolicy(ctx, name+"-dead-letter", &sqs.QueuePolicyArgs{
		QueueUrl: queue.Url,
		Policy:   pulumi.String(policy),
	}, pulumi.Parent(parent))
	return queue, err
}

// subscribe starts the pipeline at the event. An hour is long enough for a
// fault of CodePipeline to pass; a push that is older is better pushed again.
func (a *StartArgs) subscribe(ctx *pulumi.Context, name string, parent pulumi.Resource, role *servicerole.Role, queue *sqs.Queue) error {
	pattern, err := asJSON(a.On.Pattern)
	if err != nil {
		return err
	}
	template, err := startTemplate()
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
	_, err = cloudwatch.NewEventTarget(ctx, name+"-rule", &cloudwatch.EventTargetArgs{
		Rule:         rule.Name,
		EventBusName: pulumi.String(a.Bus),
		TargetId:     pulumi.String("pipeline"),
		Arn:          a.PipelineARN,
		RoleArn:      role.ARN,
		InputTransformer: cloudwatch.EventTargetInputTransformerArgs{
			InputPaths:    pulumi.ToStringMap(startPaths),
			InputTemplate: pulumi.String(template),
		},
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: queue.Arn},
		RetryPolicy:      retryPolicy,
	}, pulumi.Parent(parent), pulumi.DependsOn(role.Ready))
	return err
}

var retryPolicy = cloudwatch.EventTargetRetryPolicyArgs{
	MaximumEventAgeInSeconds: pulumi.Int(3600),
	MaximumRetryAttempts:     pulumi.Int(20),
}

package eventing

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// StartRuleArgs describe what starts a pipeline.
type StartRuleArgs struct {
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

// StartRule is the rule that has a pipeline started.
type StartRule struct {
	pulumi.ResourceState

	// DeadLetterARN is the queue of events that could not be delivered, from
	// this rule and from that of StateNotifications.
	DeadLetterARN pulumi.StringOutput
}

func (a *StartRuleArgs) validate(name string) error {
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

// NewStartRule makes what starts a pipeline.
func NewStartRule(ctx *pulumi.Context, name string, args *StartRuleArgs, opts ...pulumi.ResourceOption) (*StartRule, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	s := &StartRule{}
	if err := ctx.RegisterComponentResource("pipeline:trigger:Start", name, s, opts...); err != nil {
		return nil, err
	}
	queue, err := NewDeadLetterQueue(ctx, name+"-dead-letter", &DeadLetterQueueArgs{
		Names:    args.Names,
		Scope:    args.Scope,
		Queue:    naming.StartDeadLetter,
		Alarm:    naming.StartAlarm,
		Rules:    []string{args.ruleARN(), args.Scope.Rule(args.Names.Of(naming.StateRule))},
		TopicARN: pulumi.String(args.AlarmTopicARN),
		Tags:     args.Tags,
	}, s)
	if err != nil {
		return nil, err
	}
	if err := Subscribe(ctx, name+"-rule", args.subscription(queue), s); err != nil {
		return nil, err
	}
	s.DeadLetterARN = queue.Arn
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"deadLetterArn": s.DeadLetterARN})
}

func (a *StartRuleArgs) ruleARN() string {
	return a.Scope.BusRule(a.Bus, a.Names.Of(naming.StartRule))
}

// subscription invokes the starter at the event.
func (a *StartRuleArgs) subscription(queue *sqs.Queue) Subscription {
	return Subscription{
		Names: a.Names, Kind: naming.StartRule, Bus: a.Bus,
		Description: a.On.Description, Pattern: a.On.Pattern,
		Target: Target{
			ID: "starter", ARN: pulumi.String(a.StarterARN),
			Function: pulumi.String(a.StarterName), Statement: "start-rule-" + string(a.Names.Environment()),
			Input: cloudwatch.EventTargetInputTransformerArgs{InputTemplate: startTemplate(a.Pipeline)},
		},
		DeadLetterARN: queue.Arn, Tags: a.Tags,
	}
}

// startTemplate is a contract.StartRequest. EventBridge puts the whole event in as
// JSON; parts of it that stand inside a text would not be escaped.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func startTemplate(pipeline pulumi.StringInput) pulumi.StringOutput {
	return pulumi.Sprintf(`{"pipeline":"%s","event":<aws.events.event.json>}`, pipeline)
}

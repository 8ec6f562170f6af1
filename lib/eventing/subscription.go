package eventing

import (
	"encoding/json"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// Pattern is an event pattern: each field must have one of the values.
type Pattern struct {
	Source     []string            `json:"source"`
	DetailType []string            `json:"detail-type"`
	Detail     map[string][]string `json:"detail"`
}

// Subscription is a rule with its one target.
type Subscription struct {
	// Names and Kind give the rule's physical name.
	Names naming.Namer
	Kind  naming.Kind
	// Bus is the name of the event bus; "" is the default bus, on which AWS's
	// own services put their events.
	Bus string
	// Description is a sentence, shown with the rule.
	Description string
	// Pattern says which events.
	Pattern Pattern
	// Target is who is told.
	Target Target
	// DeadLetterARN is the queue of events that could not be delivered.
	DeadLetterARN pulumi.StringInput
	// Tags are put on the rule.
	Tags pulumi.StringMap
}

// Target is a function or a topic.
type Target struct {
	// ID tells the rule's targets apart.
	ID string
	// ARN is the target's.
	ARN pulumi.StringInput
	// Function is the function's name, and Statement the id of the permission
	// that lets the rule invoke it; nil and "" for a topic, whose own policy
	// names its publishers.
	Function  pulumi.StringInput
	Statement string
	// Input is what the target gets in place of the event; nil for the event.
	Input cloudwatch.EventTargetInputTransformerPtrInput
}

// retryPolicy tries for an hour: long enough for a fault of the target to
// pass. An event that is older is better sent again by who caused it.
var retryPolicy = cloudwatch.EventTargetRetryPolicyArgs{
	MaximumEventAgeInSeconds: pulumi.Int(3600),
	MaximumRetryAttempts:     pulumi.Int(20),
}

// Subscribe makes the rule, the permission to invoke where the target is a
// function, and the target, as children of the component parent.
func Subscribe(ctx *pulumi.Context, name string, s Subscription, parent pulumi.Resource) error {
	pattern, err := json.Marshal(s.Pattern)
	if err != nil {
		return err
	}
	args := &cloudwatch.EventRuleArgs{
		Name:         pulumi.String(s.Names.Of(s.Kind)),
		Description:  pulumi.String(s.Description),
		EventPattern: pulumi.String(string(pattern)),
		State:        pulumi.String("ENABLED"),
		Tags:         s.Tags,
	}
	if s.Bus != "" {
		args.EventBusName = pulumi.StringPtr(s.Bus)
	}
	rule, err := cloudwatch.NewEventRule(ctx, name, args, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return err
	}
	permissions, err := s.permission(ctx, name, rule, parent)
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewEventTarget(ctx, name, s.target(rule), pulumi.Parent(parent), pulumi.DependsOn(permissions))
	return err
}

// permission lets exactly this rule invoke the target, if it is a function.
func (s Subscription) permission(ctx *pulumi.Context, name string, rule *cloudwatch.EventRule, parent pulumi.Resource) ([]pulumi.Resource, error) {
	if s.Target.Function == nil {
		return nil, nil
	}
	permission, err := lambda.NewPermission(ctx, name, &lambda.PermissionArgs{
		StatementId: pulumi.String(s.Target.Statement),
		Action:      pulumi.String("lambda:InvokeFunction"),
		Function:    s.Target.Function,
		Principal:   pulumi.String("events.amazonaws.com"),
		SourceArn:   rule.Arn,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	return []pulumi.Resource{permission}, err
}

func (s Subscription) target(rule *cloudwatch.EventRule) *cloudwatch.EventTargetArgs {
	args := &cloudwatch.EventTargetArgs{
		Rule:             rule.Name,
		TargetId:         pulumi.String(s.Target.ID),
		Arn:              s.Target.ARN,
		InputTransformer: s.Target.Input,
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: s.DeadLetterARN.ToStringOutput().ToStringPtrOutput()},
		RetryPolicy:      retryPolicy,
	}
	if s.Bus != "" {
		args.EventBusName = pulumi.StringPtr(s.Bus)
	}
	return args
}

package eventing

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

const (
	// retention is the most that SQS keeps, in seconds.
	retention = 14 * 24 * 3600
	// period is how often the alarm looks, in seconds: SQS reports once a minute.
	period = 60
)

// DeadLetterQueueArgs describe a dead-letter queue.
type DeadLetterQueueArgs struct {
	// Names, Scope, Queue and Alarm give the names and ARNs of the queue and of
	// its alarm.
	Names        naming.Namer
	Scope        naming.Scope
	Queue, Alarm naming.Kind
	// Rules are the ARNs of the rules that send, if any. A function sends with
	// its own role and is not named here.
	Rules []string
	// TopicARN is where the alarm tells people.
	TopicARN pulumi.StringInput
	// Tags are put on both.
	Tags pulumi.StringMap
}

func (a *DeadLetterQueueArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("dead-letter queue %s has no arguments", name)
	}
	var errs []error
	if a.Queue == (naming.Kind{}) || a.Alarm == (naming.Kind{}) {
		errs = append(errs, fmt.Errorf("dead-letter queue %s lacks a name: set Queue and Alarm", name))
	}
	if a.TopicARN == nil {
		errs = append(errs, fmt.Errorf("dead-letter queue %s is watched by nobody: set TopicARN", name))
	}
	return errors.Join(errs...)
}

// NewDeadLetterQueue makes the queue of events that could not be delivered, with
// the alarm that tells people of it, as children of the component that sends to
// it.
func NewDeadLetterQueue(ctx *pulumi.Context, name string, args *DeadLetterQueueArgs, parent pulumi.Resource) (*sqs.Queue, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	queue, err := sqs.NewQueue(ctx, name, &sqs.QueueArgs{
		Name:                    pulumi.String(args.Names.Of(args.Queue)),
		MessageRetentionSeconds: pulumi.Int(retention),
		SqsManagedSseEnabled:    pulumi.Bool(true),
		Tags:                    args.Tags,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	if err := args.allowRules(ctx, name, queue, parent); err != nil {
		return nil, err
	}
	return queue, args.alarm(ctx, name, queue, parent)
}

// allowRules lets exactly the rules send.
func (a *DeadLetterQueueArgs) allowRules(ctx *pulumi.Context, name string, queue *sqs.Queue, parent pulumi.Resource) error {
	if len(a.Rules) == 0 {
		return nil
	}
	policy, err := iampolicy.New(
		iampolicy.Allow("sqs:SendMessage").Named("Rules").ToService("events.amazonaws.com").On(a.Scope.Queue(a.Names.Of(a.Queue))).
			When(iampolicy.ArnEquals("aws:SourceArn", a.Rules...)),
	).JSON()
	if err != nil {
		return fmt.Errorf("dead-letter queue %s: %w", name, err)
	}
	_, err = sqs.NewQueuePolicy(ctx, name, &sqs.QueuePolicyArgs{
		QueueUrl: queue.Url,
		Policy:   pulumi.String(policy),
	}, pulumi.Parent(parent))
	return err
}

// alarm goes off when there is a message. An idle queue reports nothing, which
// is as good as empty.
func (a *DeadLetterQueueArgs) alarm(ctx *pulumi.Context, name string, queue *sqs.Queue, parent pulumi.Resource) error {
	_, err := cloudwatch.NewMetricAlarm(ctx, name, &cloudwatch.MetricAlarmArgs{
		Name: pulumi.String(a.Names.Of(a.Alarm)),
		AlarmDescription: pulumi.String("An event reached nobody and is kept in the queue " + a.Names.Of(a.Queue) +
			". What to do is in docs/deployment.md, under daily work."),
		Namespace:          pulumi.String("AWS/SQS"),
		MetricName:         pulumi.String("ApproximateNumberOfMessagesVisible"),
		Dimensions:         pulumi.StringMap{"QueueName": queue.Name},
		Statistic:          pulumi.String("Maximum"),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(0),
		Period:             pulumi.Int(period),
		EvaluationPeriods:  pulumi.Int(1),
		TreatMissingData:   pulumi.String("notBreaching"),
		AlarmActions:       pulumi.Array{a.TopicARN},
		Tags:               a.Tags,
	}, pulumi.Parent(parent), pulumi.DeleteBeforeReplace(true))
	return err
}

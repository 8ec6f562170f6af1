package eventing

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// TopicArgs describe a topic.
type TopicArgs struct {
	// Names, Scope and Kind give its name and ARN.
	Names naming.Namer
	Scope naming.Scope
	Kind  naming.Kind
	// DisplayName is how mails are signed.
	DisplayName string
	// KeyARN is the KMS key.
	KeyARN string
	// Publishers are the services that may publish. A role of the topic's account
	// may by its own policy alone, so that a topic for roles has none.
	Publishers TopicPublishers
	// Emails are subscribed; each must confirm the mail that SNS sends.
	Emails []string
	// Tags are put on the topic.
	Tags pulumi.StringMap
}

// TopicPublishers are what may make a service publish to a topic, named by
// their ARNs: a rule or an alarm need not exist yet.
type TopicPublishers struct {
	// Rules are rules of EventBridge, Alarms alarms of CloudWatch.
	Rules, Alarms []string
}

// Topic is an SNS topic on which the platform tells people what pipelines did,
// or what waits for an approval. It is encrypted with the platform key, and its
// policy names its publishers exactly.
type Topic struct {
	pulumi.ResourceState

	// ARN is the topic's.
	ARN pulumi.StringOutput
	// Ready are the resources that must exist before anybody publishes.
	Ready []pulumi.Resource
}

func (a *TopicArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("topic %s has no arguments", name)
	}
	var errs []error
	if a.Scope == (naming.Scope{}) || a.Kind == (naming.Kind{}) {
		errs = append(errs, fmt.Errorf("topic %s lacks a name: set Names, Scope and Kind", name))
	}
	if a.KeyARN == "" {
		errs = append(errs, fmt.Errorf("topic %s has no KMS key: set KeyARN", name))
	}
	return errors.Join(errs...)
}

// NewTopic makes a topic.
func NewTopic(ctx *pulumi.Context, name string, args *TopicArgs, opts ...pulumi.ResourceOption) (*Topic, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := args.policy()
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	t := &Topic{}
	if err := ctx.RegisterComponentResource("pipeline:notify:Topic", name, t, opts...); err != nil {
		return nil, err
	}
	topic, err := sns.NewTopic(ctx, name, &sns.TopicArgs{
		Name:           pulumi.String(args.Names.Of(args.Kind)),
		DisplayName:    pulumi.String(args.DisplayName),
		KmsMasterKeyId: pulumi.String(args.KeyARN),
		Tags:           args.Tags,
	}, pulumi.Parent(t), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	guard, err := sns.NewTopicPolicy(ctx, name, &sns.TopicPolicyArgs{
		Arn:    topic.Arn,
		Policy: pulumi.String(policy),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	for _, email := range args.Emails {
		if _, err := sns.NewTopicSubscription(ctx, name+"-"+email, &sns.TopicSubscriptionArgs{
			Topic:    topic.Arn,
			Protocol: pulumi.String("email"),
			Endpoint: pulumi.String(email),
		}, pulumi.Parent(t)); err != nil {
			return nil, err
		}
	}
	t.ARN, t.Ready = topic.Arn, []pulumi.Resource{topic, guard}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{"arn": t.ARN})
}

// policy replaces the policy that SNS gives a new topic, which would let every
// principal of the account publish and administer, whatever its own policy says.
func (a *TopicArgs) policy() (string, error) {
	arn := a.Scope.Topic(a.Names.Of(a.Kind))
	statements := []iampolicy.Statement{
		iampolicy.Deny("sns:Publish").Named("DenyWithoutTLS").ToEveryone().On(arn).
			When(iampolicy.Bool("aws:SecureTransport", false)),
	}
	publish := func(sid string) iampolicy.Statement { return iampolicy.Allow("sns:Publish").Named(sid).On(arn) }
	if p := a.Publishers; len(p.Rules) > 0 {
		statements = append(statements, publish("Rules").ToService("events.amazonaws.com").
			When(iampolicy.ArnEquals("aws:SourceArn", p.Rules...)))
	}
	if p := a.Publishers; len(p.Alarms) > 0 {
		statements = append(statements, publish("Alarms").ToService("cloudwatch.amazonaws.com").
			When(iampolicy.StringEquals("aws:SourceAccount", a.Scope.Account), iampolicy.ArnEquals("aws:SourceArn", p.Alarms...)))
	}
	return iampolicy.New(statements...).JSON()
}

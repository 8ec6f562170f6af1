// Package notify makes the two topics on which the platform speaks to people:
// what pipelines did, and what waits for an approval. Both are encrypted with
// the platform key; each topic policy names its publishers exactly.
package notify

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
)

// Args describe a topic.
type Args struct {
	// Name and ARN are physical, from lib/naming.
	Name, ARN string
	// DisplayName is how mails are signed.
	DisplayName string
	// KeyARN is the KMS key.
	KeyARN string
	// Publishers are the statements that let somebody publish: FromRules,
	// FromAlarms or FromRole.
	Publishers []iampolicy.Statement
	// Emails are subscribed; each must confirm the mail that SNS sends.
	Emails []string
	// Tags are put on the topic.
	Tags pulumi.StringMap
}

// Topic is an SNS topic.
type Topic struct {
	pulumi.ResourceState

	// ARN is the topic's, once its policy is in place.
	ARN pulumi.StringOutput
}

// FromRules lets EventBridge publish for exactly these rules.
func FromRules(topicARN string, ruleARNs ...string) iampolicy.Statement {
	return iampolicy.Allow("sns:Publish").Named("Rules").ToService("events.amazonaws.com").On(topicARN).
		When(iampolicy.ArnEquals("aws:SourceArn", ruleARNs...))
}

// FromAlarms lets CloudWatch publish for exactly these alarms.
func FromAlarms(topicARN, account string, alarmARNs ...string) iampolicy.Statement {
	return iampolicy.Allow("sns:Publish").Named("Alarms").ToService("cloudwatch.amazonaws.com").On(topicARN).
		When(iampolicy.StringEquals("aws:SourceAccount", account), iampolicy.ArnEquals("aws:SourceArn", alarmARNs...))
}

// FromRole lets one role of the account publish. It is named by a condition
// because the role need not exist yet.
func FromRole(topicARN, rootARN, roleARN string) iampolicy.Statement {
	return iampolicy.Allow("sns:Publish").Named("Role").ToAWS(rootARN).On(topicARN).
		When(iampolicy.StringEquals("aws:PrincipalArn", roleARN))
}

func (a *Args) validate(name string) error {
	if a == nil {
		return fmt.Errorf("topic %s has no arguments", name)
	}
	var errs []error
	if a.Name == "" || a.ARN == "" {
		errs = append(errs, fmt.Errorf("topic %s lacks a name: set Name and ARN from lib/naming", name))
	}
	if a.KeyARN == "" {
		errs = append(errs, fmt.Errorf("topic %s has no KMS key: set KeyARN", name))
	}
	if len(a.Publishers) == 0 {
		errs = append(errs, fmt.Errorf("topic %s has no publisher: set Publishers", name))
	}
	return errors.Join(errs...)
}

// New makes a topic.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Topic, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := policyJSON(args)
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	t := &Topic{}
	if err := ctx.RegisterComponentResource("pipeline:notify:Topic", name, t, opts...); err != nil {
		return nil, err
	}
	topic, err := sns.NewTopic(ctx, name, &sns.TopicArgs{
		Name:           pulumi.String(args.Name),
		DisplayName:    pulumi.String(args.DisplayName),
		KmsMasterKeyId: pulumi.String(args.KeyARN),
		Tags:           args.Tags,
	}, pulumi.Parent(t), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	if _, err := sns.NewTopicPolicy(ctx, name, &sns.TopicPolicyArgs{
		Arn:    topic.Arn,
		Policy: pulumi.String(policy),
	}, pulumi.Parent(t)); err != nil {
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
	t.ARN = topic.Arn
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{"arn": t.ARN})
}

// policyJSON replaces the policy that SNS gives a new topic, which would let
// every identity of the account publish that its own policy allows.
func policyJSON(args *Args) (string, error) {
	tls := iampolicy.Deny("sns:Publish").Named("DenyWithoutTLS").ToEveryone().On(args.ARN).
		When(iampolicy.Bool("aws:SecureTransport", false))
	return iampolicy.New(append([]iampolicy.Statement{tls}, args.Publishers...)...).JSON()
}

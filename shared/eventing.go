package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/naming"
)

// bus makes the delivery bus, and says who may put which events on it.
func (p *platform) bus(ctx *pulumi.Context) (*eventing.Bus, error) {
	publishers := []eventing.Publisher{{
		RoleARN: p.scope.Role(p.names.Of(naming.ReceiverRole)), Source: contract.PushSource, DetailType: contract.PushDetailType,
	}}
	for _, env := range p.Environments.Names() {
		for _, role := range buildproject.Roles(p.scope, p.Namer(env), buildproject.Recording) {
			publishers = append(publishers, eventing.Publisher{
				RoleARN: role,
				Source:  contract.DeploymentSource(string(env)), DetailType: contract.DeploymentDetailType,
			})
		}
	}
	return eventing.NewBus(ctx, "bus", &eventing.BusArgs{Names: p.names, Scope: p.scope, Publishers: publishers, Tags: p.tags}, p.providers)
}

// topics are the two on which the platform tells people; approval is nil where
// no environment asks for one.
type topics struct{ pipeline, approval *eventing.Topic }

// approvalARN is "" where no environment asks for an approval.
func (t topics) approvalARN() pulumi.StringInput {
	if t.approval == nil {
		return pulumi.String("")
	}
	return t.approval.ARN
}

// topics makes them. The publishers are named by what they will be called:
// the environments come later.
func (p *platform) topics(ctx *pulumi.Context) (topics, error) {
	var out topics
	var rules []string
	for _, env := range p.Environments.Names() {
		rules = append(rules, p.scope.Rule(p.Namer(env).Of(naming.StateRule)))
	}
	args := func(k naming.Kind, display string, publishers eventing.TopicPublishers) *eventing.TopicArgs {
		return &eventing.TopicArgs{
			Names: p.names, Scope: p.scope, Kind: k, DisplayName: display,
			KeyARN: p.key, Publishers: publishers, Emails: p.Owners, Tags: p.tags,
		}
	}
	var err error
	if out.pipeline, err = eventing.NewTopic(ctx, "pipeline-topic", args(naming.PipelineTopic, "Delivery pipelines",
		eventing.TopicPublishers{Rules: rules, Alarms: p.DeadLetterAlarms()}), p.providers); err != nil {
		return out, err
	}
	if len(p.Environments.Approved()) == 0 {
		return out, nil
	}
	// The pipelines' roles publish, by their own policies:
	// https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals.html
	out.approval, err = eventing.NewTopic(ctx, "approval-topic", args(naming.ApprovalTopic, "Delivery approvals",
		eventing.TopicPublishers{}), p.providers)
	return out, err
}

// starter makes the function that starts the environments' pipelines.
func (p *platform) starter(ctx *pulumi.Context, topic *eventing.Topic) (*eventing.Starter, error) {
	return eventing.NewStarter(ctx, "starter", &eventing.StarterArgs{
		Names: p.names, Scope: p.scope, Repository: p.Repository, Environments: p.Environments, KeyARN: p.key,
		Code: p.code("starter"), AlarmTopicARN: topic.ARN, Tags: p.tags,
	}, p.providers)
}

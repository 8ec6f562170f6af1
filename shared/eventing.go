package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/environment"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/naming"
)

// bus makes the delivery bus, and says who may put which events on it.
func (p *platform) bus(ctx *pulumi.Context) (*eventing.Bus, error) {
	publishers := []eventing.Publisher{{
		RoleARN: p.scope.Role(p.names.Of(naming.ReceiverRole)), Source: contract.PushSource, DetailType: contract.PushDetailType,
	}}
	for _, env := range naming.Environments() {
		publishers = append(publishers, eventing.Publisher{
			RoleARN: p.scope.Role(p.Namer(env).Of(naming.DeployBuildRole)),
			Source:  contract.DeploymentSource(string(env)), DetailType: contract.DeploymentDetailType,
		})
	}
	return eventing.NewBus(ctx, "bus", &eventing.BusArgs{Names: p.names, Scope: p.scope, Publishers: publishers, Tags: p.tags}, p.providers)
}

// topics are the two on which the platform tells people.
type topics struct{ pipeline, approval *eventing.Topic }

// topics makes them. The publishers are named by what they will be called:
// the environments come later.
func (p *platform) topics(ctx *pulumi.Context) (topics, error) {
	var out topics
	var rules []string
	for _, env := range naming.Environments() {
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
	role := p.scope.Role(p.Namer(naming.Prod).Of(naming.PipelineRole))
	out.approval, err = eventing.NewTopic(ctx, "approval-topic", args(naming.ApprovalTopic, "Delivery approvals",
		eventing.TopicPublishers{Roles: []string{role}}), p.providers)
	return out, err
}

// starter makes the function that starts the environments' pipelines.
func (p *platform) starter(ctx *pulumi.Context, topic *eventing.Topic) (*eventing.Starter, error) {
	sources := map[naming.Environment]string{}
	for _, e := range environment.All() {
		sources[e.Name] = e.StartedBy()
	}
	return eventing.NewStarter(ctx, "starter", &eventing.StarterArgs{
		Names: p.names, Scope: p.scope, Repository: p.Repository, Sources: sources, KeyARN: p.key,
		Code: p.code("starter"), AlarmTopicARN: topic.ARN, Tags: p.tags,
	}, p.providers)
}

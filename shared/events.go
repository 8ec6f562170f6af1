package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/environment"
	"delivery.internal/lib/events"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/notify"
	"delivery.internal/lib/trigger"
)

// bus makes the delivery bus, and says who may put which events on it.
func (p *platform) bus(ctx *pulumi.Context) (*events.Bus, error) {
	publishers := []events.Publisher{{
		RoleARN: p.scope.Role(p.names.Of(naming.ReceiverRole)), Source: contract.PushSource, DetailType: contract.PushDetailType,
	}}
	for _, env := range naming.Environments() {
		publishers = append(publishers, events.Publisher{
			RoleARN: p.scope.Role(p.Namer(env).Of(naming.DeployBuildRole)),
			Source:  contract.DeploymentSource(string(env)), DetailType: contract.DeploymentDetailType,
		})
	}
	name := p.names.Of(naming.DeliveryBus)
	return events.NewBus(ctx, "bus", &events.Args{Name: name, ARN: p.scope.Bus(name), Publishers: publishers, Tags: p.tags}, p.providers)
}

// starter makes the function that starts the environments' pipelines.
func (p *platform) starter(ctx *pulumi.Context, topic *notify.Topic) (*trigger.Starter, error) {
	sources := map[naming.Environment]string{}
	for _, e := range environment.All() {
		sources[e.Name] = e.StartedBy()
	}
	return trigger.NewStarter(ctx, "starter", &trigger.StarterArgs{
		Names: p.names, Scope: p.scope, Repository: p.Repository, Sources: sources, KeyARN: p.key,
		Code: p.code("starter"), AlarmTopicARN: topic.ARN, Tags: p.tags,
	}, p.providers)
}

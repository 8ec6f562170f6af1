package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/eventing"
	"delivery.internal/lib/sourcecontrol"
	"delivery.internal/lib/webhook"
)

// ingress makes the way of a push onto the bus, and ends with the webhook.
func (p *platform) ingress(ctx *pulumi.Context, bus *eventing.Bus) (pulumi.StringOutput, error) {
	none := pulumi.StringOutput{}
	secret, err := webhook.NewSecret(ctx, "webhook-secret", &webhook.SecretArgs{
		Names: p.names, KeyARN: p.key, Version: p.webhookSecretVersion, Tags: p.tags,
	}, p.providers)
	if err != nil {
		return none, err
	}
	receiver, err := webhook.NewReceiver(ctx, "receiver", &webhook.ReceiverArgs{
		Names: p.names, Scope: p.scope, Repository: p.Repository, Secret: secret,
		BusName: bus.Name, KeyARN: p.key, Code: p.code("receiver"), Tags: p.tags,
	}, p.providers)
	if err != nil {
		return none, err
	}
	api, err := webhook.NewAPI(ctx, "webhook-api", &webhook.APIArgs{
		Names: p.names, KeyARN: p.key, Function: receiver.Function, Tags: p.tags,
	}, p.providers)
	if err != nil {
		return none, err
	}
	_, err = sourcecontrol.NewRepository(ctx, "repository", &sourcecontrol.RepositoryArgs{
		Repository: p.Repository, WebhookURL: api.URL, Secret: secret.Value,
		Protect: p.branchProtection, Reviews: p.requiredReviews,
	}, p.providers, pulumi.DependsOn(api.Ready))
	return api.URL, err
}

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/buildimage"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/events"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/notify"
	"delivery.internal/lib/sourcecontrol"
	"delivery.internal/lib/webhook"
)

// image is everything around the build image.
type image struct {
	repository *buildimage.Repository
	project    *buildimage.Project
	gate       *buildimage.Gate
}

func (p *platform) buildImage(ctx *pulumi.Context, topic *notify.Topic) (image, error) {
	var out image
	context, err := buildimage.Pack(p.imageContext)
	if err != nil {
		return out, err
	}
	var users []string
	for _, env := range naming.Environments() {
		n := p.Namer(env)
		users = append(users, p.scope.Project(n.Of(naming.PreviewProject)), p.scope.Project(n.Of(naming.DeployProject)))
	}
	if out.repository, err = buildimage.NewRepository(ctx, "build-image", &buildimage.RepositoryArgs{
		Name: p.names.Of(naming.ImageRepository), Account: p.DeliveryAccount, KeyARN: p.key, UserARNs: users, Tags: p.tags,
	}, p.providers); err != nil {
		return out, err
	}
	if out.gate, err = buildimage.NewGate(ctx, "scan-gate", &buildimage.GateArgs{
		Names: p.names, Scope: p.scope, KeyARN: p.key,
		Code: p.code("scangate"), BlockSeverity: p.blockSeverity, Accepted: p.accepted, AlarmTopicARN: topic.ARN, Tags: p.tags,
	}, p.providers); err != nil {
		return out, err
	}
	out.project, err = buildimage.NewProject(ctx, "image-build", &buildimage.ProjectArgs{
		Names: p.names, Scope: p.scope, KeyARN: p.key,
		RepositoryURL: out.repository.URL, Context: context, Tags: p.tags,
	}, p.providers)
	return out, err
}

// ingress makes the way of a push onto the bus, and ends with the webhook.
func (p *platform) ingress(ctx *pulumi.Context, bus *events.Bus) (pulumi.StringOutput, error) {
	none := pulumi.StringOutput{}
	secret, err := webhook.NewSecret(ctx, "webhook-secret", &webhook.SecretArgs{
		Name: p.names.Of(naming.WebhookSecret), KeyARN: p.key, Tags: p.tags,
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
	}, p.providers)
	return api.URL, err
}

// source makes the repository's environments and the connection that
// CodePipeline reads through.
func (p *platform) source(ctx *pulumi.Context) (*sourcecontrol.Connection, error) {
	if p.repositoryEnvironments {
		if err := p.environments(ctx); err != nil {
			return nil, err
		}
	}
	return sourcecontrol.NewConnection(ctx, "connection", &sourcecontrol.ConnectionArgs{
		ExistingARN: p.connectionARN, Name: p.names.Of(naming.SourceConnection), Tags: p.tags,
	}, p.providers)
}

// environments tell a workflow where its commit goes; nothing in them gives it
// a right to deploy.
func (p *platform) environments(ctx *pulumi.Context) error {
	for _, env := range naming.Environments() {
		n := p.Namer(env)
		if _, err := sourcecontrol.NewEnvironment(ctx, "environment-"+string(env), &sourcecontrol.EnvironmentArgs{
			Repository: p.Repository.Name,
			Name:       n.Of(naming.RepositoryEnvironment),
			Variables: map[string]string{
				contract.EnvEnvironment: string(env),
				contract.EnvPipeline:    n.Of(naming.Pipeline),
				contract.EnvRegion:      p.Region,
				contract.EnvAccount:     p.Accounts.Of(env),
			},
			Secrets: map[string]string{contract.EnvExternalID: n.Of(naming.ExternalID)},
		}, p.providers); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/sourcecontrol"
)

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
	for _, env := range p.Environments.Names() {
		n := p.Namer(env)
		if _, err := sourcecontrol.NewEnvironment(ctx, "environment-"+string(env), &sourcecontrol.EnvironmentArgs{
			Repository: p.Repository.Name,
			Name:       n.Of(naming.RepositoryEnvironment),
			Variables: map[string]string{
				contract.EnvEnvironment: string(env),
				contract.EnvPipeline:    n.Of(naming.Pipeline),
				contract.EnvRegion:      p.Region,
				contract.EnvAccount:     p.Environments.Account(env),
			},
			Secrets: map[string]string{contract.EnvExternalID: n.Of(naming.ExternalID)},
		}, p.providers); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-github/sdk/v6/go/github"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackoutputs"
	"delivery.internal/lib/stackrefs"
)

// platform is what every part of the program needs to know.
type platform struct {
	settings.Settings
	options
	names     naming.Namer
	scope     naming.Scope
	key       string // the platform key
	tags      pulumi.StringMap
	providers pulumi.ResourceOption
}

func program(ctx *pulumi.Context) error {
	boot, err := stackoutputs.Read[stackrefs.Bootstrap[string]](ctx, stackrefs.BootstrapProject, ctx.Stack(), "run: make bootstrap")
	if err != nil {
		return err
	}
	p, err := newPlatform(ctx, boot)
	if err != nil {
		return err
	}
	bus, err := p.bus(ctx)
	if err != nil {
		return err
	}
	topics, err := p.topics(ctx)
	if err != nil {
		return err
	}
	image, err := p.buildImage(ctx, topics.pipeline)
	if err != nil {
		return err
	}
	starter, err := p.starter(ctx, topics.pipeline)
	if err != nil {
		return err
	}
	records, err := p.records(ctx, boot)
	if err != nil {
		return err
	}
	url, err := p.ingress(ctx, bus)
	if err != nil {
		return err
	}
	connection, err := p.source(ctx)
	if err != nil {
		return err
	}
	return stackoutputs.Export(ctx, stackrefs.Shared[pulumi.StringInput]{
		RepositoryURL:          image.repository.URL,
		ApprovedImageParameter: image.gate.Parameter,
		ImageProject:           image.project.Name,
		BusName:                bus.Name,
		WebhookURL:             url,
		ConnectionARN:          connection.ARN,
		ConnectionStatus:       connection.Status,
		PipelineTopicARN:       topics.pipeline.ARN,
		ApprovalTopicARN:       topics.approvalARN(),
		LedgerBucket:           records.Bucket,
		StarterName:            starter.Function.Name,
		StarterARN:             starter.Function.ARN,
	})
}

// newPlatform joins the shared settings and the project's own. The providers
// are explicit, so that a wrong account stops the program before it makes
// anything, and nothing has to be configured twice.
func newPlatform(ctx *pulumi.Context, boot stackrefs.Bootstrap[string]) (*platform, error) {
	s := boot.Settings
	if s.EnvironmentSuffix != ctx.Stack() {
		return nil, fmt.Errorf("stack %s reads the settings of %s: the stack of this project has the name of the suffix; run: pulumi stack select %s",
			ctx.Stack(), s.EnvironmentSuffix, s.EnvironmentSuffix)
	}
	own, err := readOptions(ctx)
	if err != nil {
		return nil, err
	}
	cloud, err := aws.NewProvider(ctx, "delivery", &aws.ProviderArgs{
		Region:            pulumi.String(s.Region),
		AllowedAccountIds: pulumi.StringArray{pulumi.String(s.DeliveryAccount)},
	})
	if err != nil {
		return nil, err
	}
	hub, err := github.NewProvider(ctx, "source", &github.ProviderArgs{Owner: pulumi.String(s.Repository.Owner)})
	if err != nil {
		return nil, err
	}
	return &platform{
		Settings:  s,
		options:   own,
		names:     s.Namer(naming.Shared),
		scope:     s.Delivery(),
		key:       boot.KeyARNs[naming.Shared],
		tags:      pulumi.ToStringMap(s.Tags(naming.Shared, stackrefs.SharedProject)),
		providers: pulumi.Providers(cloud, hub),
	}, nil
}

package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-github/sdk/v6/go/github"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/audit"
	"delivery.internal/lib/ledger"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/notify"
	"delivery.internal/lib/settings"
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
	boot, err := stackrefs.Read[stackrefs.Bootstrap[string]](ctx, stackrefs.BootstrapProject, ctx.Stack(), "run: make bootstrap")
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
	return stackrefs.Export(ctx, stackrefs.Shared[pulumi.StringInput]{
		RepositoryURL:          image.repository.URL,
		ApprovedImageParameter: image.gate.Parameter,
		ImageProject:           image.project.Name,
		BusName:                bus.Name,
		BusARN:                 bus.ARN,
		WebhookURL:             url,
		ConnectionARN:          connection.ARN,
		ConnectionStatus:       connection.Status,
		PipelineTopicARN:       topics.pipeline.ARN,
		ApprovalTopicARN:       topics.approval.ARN,
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

// topics are the two ways in which the platform speaks to people.
type topics struct{ pipeline, approval *notify.Topic }

// topics makes them. The publishers are named by what they will be called:
// the environments come later.
func (p *platform) topics(ctx *pulumi.Context) (topics, error) {
	var out topics
	var rules []string
	for _, env := range naming.Environments() {
		rules = append(rules, p.scope.Rule(p.Namer(env).Of(naming.StateRule)))
	}
	args := func(k naming.Kind, display string) *notify.Args {
		name := p.names.Of(k)
		return &notify.Args{Name: name, ARN: p.scope.Topic(name), DisplayName: display, KeyARN: p.key, Emails: p.Owners, Tags: p.tags}
	}
	pipeline := args(naming.PipelineTopic, "Delivery pipelines")
	pipeline.Publishers = append(pipeline.Publishers,
		notify.FromRules(pipeline.ARN, rules...),
		notify.FromAlarms(pipeline.ARN, p.DeliveryAccount, p.DeadLetterAlarms()...))
	approval := args(naming.ApprovalTopic, "Delivery approvals")
	role := p.scope.Role(p.Namer(naming.Prod).Of(naming.PipelineRole))
	approval.Publishers = append(approval.Publishers, notify.FromRole(approval.ARN, p.scope.Root(), role))
	var err error
	if out.pipeline, err = notify.New(ctx, "pipeline-topic", pipeline, p.providers); err != nil {
		return out, err
	}
	out.approval, err = notify.New(ctx, "approval-topic", approval, p.providers)
	return out, err
}

// records makes the ledger, and the trail that watches it and everything that
// decides what is deployed: state, artifacts and the source of the build image.
func (p *platform) records(ctx *pulumi.Context, boot stackrefs.Bootstrap[string]) (*ledger.Ledger, error) {
	name := p.names.Of(naming.LedgerBucket)
	writers := map[naming.Environment]string{}
	watched := []string{p.scope.Bucket(name), p.scope.Bucket(p.names.Of(naming.ImageSourceBucket))}
	for _, env := range naming.Environments() {
		writers[env] = p.scope.Role(p.Namer(env).Of(naming.DeployBuildRole))
		watched = append(watched, p.scope.Bucket(boot.StateBuckets[env]), p.scope.Bucket(p.Namer(env).Of(naming.ArtifactBucket)))
	}
	watched = append(watched, p.scope.Bucket(boot.StateBuckets[naming.Shared]))
	l, err := ledger.New(ctx, "ledger", &ledger.Args{
		Name: name, ARN: p.scope.Bucket(name), KeyARN: p.key,
		Writers: writers, Operators: p.Operators, Tags: p.tags,
	}, p.providers)
	if err != nil {
		return nil, err
	}
	trail, bucket := p.names.Of(naming.AuditTrail), p.names.Of(naming.AuditBucket)
	_, err = audit.New(ctx, "audit", &audit.Args{
		Name: trail, ARN: p.scope.Trail(trail), Bucket: bucket, BucketARN: p.scope.Bucket(bucket),
		Account: p.DeliveryAccount, KeyARN: p.key,
		WatchedBuckets: watched, RetentionDays: p.auditRetentionDays, Tags: p.tags,
	}, p.providers)
	return l, err
}

package environment

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/pipeline"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackoutputs"
	"delivery.internal/lib/stackrefs"
	"delivery.internal/lib/storage"
)

// program is what every part of the program needs to know.
type program struct {
	Environment
	inputs
	settings.Settings
	names    naming.Namer
	scope    naming.Scope
	key      string // of the environment
	digest   string // of the build image
	tags     pulumi.StringMap
	provider pulumi.ResourceOption
}

// Program makes the environment's delivery.
func (e Environment) Program(ctx *pulumi.Context) error {
	p, err := e.prepare(ctx)
	if err != nil {
		return err
	}
	made, err := p.pipeline(ctx)
	if err != nil {
		return err
	}
	if err := p.events(ctx, made); err != nil {
		return err
	}
	return stackoutputs.Export(ctx, stackrefs.Environment[pulumi.StringInput]{
		PipelineName: made.Name,
		PipelineARN:  made.ARN,
		ImageDigest:  pulumi.String(p.digest),
	})
}

// prepare reads what the program stands on. The provider is explicit, so that
// a wrong account stops the program before it makes anything.
func (e Environment) prepare(ctx *pulumi.Context) (*program, error) {
	in, err := e.read(ctx)
	if err != nil {
		return nil, err
	}
	s := in.bootstrap.Settings
	provider, err := aws.NewProvider(ctx, "delivery", &aws.ProviderArgs{
		Region:            pulumi.String(s.Region),
		AllowedAccountIds: pulumi.StringArray{pulumi.String(s.DeliveryAccount)},
	})
	if err != nil {
		return nil, err
	}
	digest, err := e.image(ctx, in, provider)
	if err != nil {
		return nil, err
	}
	return &program{
		Environment: e,
		inputs:      in,
		Settings:    s,
		names:       s.Namer(e.Name),
		scope:       s.Delivery(),
		key:         in.bootstrap.KeyARNs[e.Name],
		digest:      digest,
		tags:        pulumi.ToStringMap(s.Tags(e.Name, stackrefs.EnvironmentProject(e.Name))),
		provider:    pulumi.Providers(provider),
	}, nil
}

// pipeline makes the pipeline with its bucket and its two projects.
func (p *program) pipeline(ctx *pulumi.Context) (*pipeline.Pipeline, error) {
	spec := pipeline.Spec{Names: p.names, Mode: p.Mode, Repository: p.Repository, ConnectionARN: p.shared.ConnectionARN}
	if p.Approval {
		spec.ApprovalTopicARN = p.shared.ApprovalTopicARN
	}
	layout, err := pipeline.Layout(spec)
	if err != nil {
		return nil, err
	}
	bucket := p.names.Of(naming.ArtifactBucket)
	store, err := storage.NewArtifactStore(ctx, "artifacts", &storage.ArtifactStoreArgs{Names: p.names, KeyARN: p.key, Tags: p.tags}, p.provider)
	if err != nil {
		return nil, err
	}
	after := store.Ready
	for _, step := range []buildproject.Step{buildproject.Preview, buildproject.Deploy} {
		project, err := buildproject.NewProject(ctx, string(step), p.project(step, bucket), p.provider)
		if err != nil {
			return nil, err
		}
		after = append(after, project.Ready...)
	}
	return pipeline.NewPipeline(ctx, "pipeline", &pipeline.Args{
		Names: p.names, Scope: p.scope, Blueprint: layout,
		Bucket: bucket, KeyARN: p.key, TopicKeyARN: p.bootstrap.KeyARNs[naming.Shared],
		After: after, Tags: p.tags,
	}, p.provider)
}

func (p *program) project(step buildproject.Step, bucket string) *buildproject.Args {
	role := p.targets.PreviewRoleARN
	if step == buildproject.Deploy {
		role = p.targets.DeployRoleARN
	}
	return &buildproject.Args{
		Step: step, Names: p.names, Scope: p.scope,
		Image:          p.shared.RepositoryURL + "@" + p.digest,
		KeyARN:         p.key,
		ArtifactBucket: bucket,
		StateBucket:    p.bootstrap.StateBuckets[p.Name],
		LedgerBucket:   p.shared.LedgerBucket,
		LedgerKeyARN:   p.bootstrap.KeyARNs[naming.Shared],
		Bus:            p.shared.BusName,
		TargetAccount:  p.Accounts.Of(p.Name),
		TargetRoleARN:  role,
		ExternalID:     p.targets.ExternalID,
		Requires:       p.Follows,
		Tags:           p.tags,
	}
}

// events makes what starts the pipeline, and what tells of it.
func (p *program) events(ctx *pulumi.Context, made *pipeline.Pipeline) error {
	on := eventing.Pushed(p.Repository)
	if p.Follows != "" {
		on = eventing.Deployed(p.Follows)
	}
	start, err := eventing.NewStartRule(ctx, "start", &eventing.StartRuleArgs{
		Names: p.names, Scope: p.scope, Bus: p.shared.BusName, On: on, Pipeline: made.Name,
		StarterName: p.shared.StarterName, StarterARN: p.shared.StarterARN, AlarmTopicARN: p.shared.PipelineTopicARN, Tags: p.tags,
	}, p.provider)
	if err != nil {
		return err
	}
	_, err = eventing.NewStateNotifications(ctx, "news", &eventing.StateNotificationsArgs{
		Names: p.names, TopicARN: p.shared.PipelineTopicARN, DeadLetterARN: start.DeadLetterARN, Tags: p.tags,
	}, p.provider)
	return err
}

package environment

import (
	"fmt"

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
	inputs
	settings.Settings
	names    naming.Namer
	scope    naming.Scope
	key      string // of the environment
	digest   string // of the build image
	tags     pulumi.StringMap
	provider pulumi.ResourceOption
}

// Program makes the delivery of the environment that the project is named
// after.
func Program(ctx *pulumi.Context) error {
	p, err := prepare(ctx)
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
func prepare(ctx *pulumi.Context) (*program, error) {
	in, err := read(ctx)
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
	digest, err := in.image(ctx, provider)
	if err != nil {
		return nil, err
	}
	return &program{
		inputs:   in,
		Settings: s,
		names:    s.Namer(in.env.Name),
		scope:    s.Delivery(),
		key:      in.bootstrap.KeyARNs[in.env.Name],
		digest:   digest,
		tags:     pulumi.ToStringMap(s.Tags(in.env.Name, ctx.Project())),
		provider: pulumi.Providers(provider),
	}, nil
}

// pipeline makes the pipeline with its bucket and its build projects.
func (p *program) pipeline(ctx *pulumi.Context) (*pipeline.Pipeline, error) {
	spec := pipeline.Spec{Names: p.names, Mode: p.env.Mode, Repository: p.Repository, ConnectionARN: p.shared.ConnectionARN}
	if p.env.Approval {
		spec.ApprovalTopicARN = p.shared.ApprovalTopicARN
		if spec.ApprovalTopicARN == "" {
			return nil, fmt.Errorf("a person approves every deployment to %s, but shared has no topic to ask on: it was deployed before the settings said so; run: make up PROJECT=shared", p.env.Name)
		}
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
	for _, step := range buildproject.Steps() {
		args, err := p.project(step, bucket)
		if err != nil {
			return nil, err
		}
		project, err := buildproject.NewProject(ctx, step.Verb, args, p.provider)
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

// targetRole is the role of the target account that a step assumes.
func (p *program) targetRole(step buildproject.Step) (string, error) {
	switch step.Target {
	case buildproject.ReadTarget:
		return p.targets.PreviewRoleARN, nil
	case buildproject.ChangeTarget:
		return p.targets.DeployRoleARN, nil
	}
	return "", fmt.Errorf("step %s assumes the role %q, which targets does not make: expected %s or %s", step.Verb, step.Target, buildproject.ReadTarget, buildproject.ChangeTarget)
}

func (p *program) project(step buildproject.Step, bucket string) (*buildproject.Args, error) {
	role, err := p.targetRole(step)
	return &buildproject.Args{
		Step: step, Names: p.names, Scope: p.scope,
		Image:          p.shared.RepositoryURL + "@" + p.digest,
		KeyARN:         p.key,
		ArtifactBucket: bucket,
		StateBucket:    p.bootstrap.StateBuckets[p.env.Name],
		LedgerBucket:   p.shared.LedgerBucket,
		LedgerKeyARN:   p.bootstrap.KeyARNs[naming.Shared],
		Bus:            p.shared.BusName,
		TargetAccount:  string(p.env.Account),
		TargetRoleARN:  role,
		ExternalID:     p.targets.ExternalID,
		Requires:       p.env.Follows,
		Tags:           p.tags,
	}, err
}

// events makes what starts the pipeline, and what tells of it.
func (p *program) events(ctx *pulumi.Context, made *pipeline.Pipeline) error {
	start, err := eventing.NewStartRule(ctx, "start", &eventing.StartRuleArgs{
		Names: p.names, Scope: p.scope, Bus: p.shared.BusName, On: eventing.On(p.Repository, p.env), Pipeline: made.Name,
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

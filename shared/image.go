package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/buildimage"
	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/eventing"
)

// image is everything around the build image.
type image struct {
	repository *buildimage.Repository
	project    *buildimage.Project
	gate       *buildimage.Gate
}

func (p *platform) buildImage(ctx *pulumi.Context, topic *eventing.Topic) (image, error) {
	var out image
	context, err := buildimage.Pack(p.imageContext)
	if err != nil {
		return out, err
	}
	var users []string
	for _, env := range p.Environments.Names() {
		for _, step := range buildproject.Steps() {
			users = append(users, p.scope.Project(p.Namer(env).Of(step.Kinds.Project)))
		}
	}
	if out.repository, err = buildimage.NewRepository(ctx, "build-image", &buildimage.RepositoryArgs{
		Names: p.names, Account: p.DeliveryAccount, KeyARN: p.key, UserARNs: users, Tags: p.tags,
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

package pipeline

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codepipeline"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/access"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// Args describe a pipeline.
type Args struct {
	// Names and Scope give every name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// Blueprint is what Layout returns.
	Blueprint Blueprint
	// Bucket is the name of the artifact bucket, KeyARN the key that encrypts it.
	Bucket, KeyARN string
	// TopicKeyARN is the key of the approval topic; needed with an approval only.
	TopicKeyARN string
	// After are resources that the pipeline needs but does not name by an
	// output: its bucket and its projects. The first execution begins with the
	// creation of the pipeline.
	After []pulumi.Resource
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Pipeline is the pipeline of an environment, with its role.
type Pipeline struct {
	pulumi.ResourceState

	// Name and ARN are the pipeline's.
	Name, ARN pulumi.StringOutput
}

func (a *Args) validate(name string) error {
	if a == nil {
		return fmt.Errorf("pipeline %s has no arguments", name)
	}
	var errs []error
	if a.Bucket == "" || a.KeyARN == "" {
		errs = append(errs, fmt.Errorf("pipeline %s has nowhere to keep artifacts: set Bucket and KeyARN", name))
	}
	if len(a.Blueprint.values(ApprovalType, KeyTopic)) > 0 && a.TopicKeyARN == "" {
		errs = append(errs, fmt.Errorf("pipeline %s waits for an approval but can't tell anybody: set TopicKeyARN to the key of the approval topic", name))
	}
	return errors.Join(append(errs, a.Blueprint.Validate())...)
}

// NewPipeline makes a pipeline.
func NewPipeline(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Pipeline, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	permissions, err := policy(args)
	if err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", name, err)
	}
	p := &Pipeline{}
	if err := ctx.RegisterComponentResource("pipeline:pipeline:Pipeline", name, p, opts...); err != nil {
		return nil, err
	}
	role, err := access.NewServiceRole(ctx, name+"-role", &access.ServiceRoleArgs{
		Names:      args.Names,
		Role:       naming.PipelineRole,
		PolicyKind: naming.PipelinePolicy,
		Service:    "codepipeline.amazonaws.com",
		// Roles that the console makes have this condition. AWS documents no
		// aws:SourceArn for CodePipeline.
		Conditions: []iampolicy.Condition{iampolicy.StringEquals("aws:SourceAccount", args.Scope.Account)},
		Policy:     pulumi.String(permissions),
		Tags:       args.Tags,
	}, pulumi.Parent(p))
	if err != nil {
		return nil, err
	}
	rendered := Render(args.Blueprint, role.ARN, args.Bucket, args.KeyARN)
	rendered.Tags = args.Tags
	made, err := codepipeline.NewPipeline(ctx, name, rendered,
		pulumi.Parent(p), pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(append(role.Ready, args.After...)))
	if err != nil {
		return nil, err
	}
	p.Name, p.ARN = made.Name, made.Arn
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"name": p.Name, "arn": p.ARN})
}

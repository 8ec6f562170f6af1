package buildimage

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codebuild"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/access"
	"delivery.internal/lib/compute"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// builderImage is the image that AWS curates for builds which run docker.
const builderImage = "aws/codebuild/amazonlinux-x86_64-standard:5.0"

// ProjectArgs describe the project that builds the image.
type ProjectArgs struct {
	// Names and Scope give every name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// KeyARN is the KMS key.
	KeyARN string
	// RepositoryURL is where the image is pushed to.
	RepositoryURL pulumi.StringInput
	// Context is the image's source; see Pack.
	Context Context
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Project is the CodeBuild project that builds the image.
type Project struct {
	pulumi.ResourceState

	// Name is the physical name.
	Name pulumi.StringOutput
}

func (a *ProjectArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("project %s has no arguments", name)
	}
	var errs []error
	if a.KeyARN == "" || a.RepositoryURL == nil {
		errs = append(errs, fmt.Errorf("project %s needs KeyARN and RepositoryURL", name))
	}
	if a.Context.Archive == "" || len(a.Context.Digest) != 64 {
		errs = append(errs, fmt.Errorf("project %s has no source: set Context to what Pack returns", name))
	}
	return errors.Join(errs...)
}

// NewProject makes the project.
func NewProject(ctx *pulumi.Context, name string, args *ProjectArgs, opts ...pulumi.ResourceOption) (*Project, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := projectPolicy(args)
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", name, err)
	}
	p := &Project{}
	if err := ctx.RegisterComponentResource("pipeline:buildimage:Project", name, p, opts...); err != nil {
		return nil, err
	}
	source, err := upload(ctx, name, args, p)
	if err != nil {
		return nil, err
	}
	logs, err := compute.NewLogGroup(ctx, name+"-logs", &compute.LogGroupArgs{
		Names: args.Names, Kind: naming.ImageLogs, KeyARN: args.KeyARN, Tags: args.Tags,
	}, pulumi.Parent(p))
	if err != nil {
		return nil, err
	}
	role, err := access.NewServiceRole(ctx, name+"-role", &access.ServiceRoleArgs{
		Names:      args.Names,
		Role:       naming.ImageRole,
		PolicyKind: naming.ImagePolicy,
		Service:    "codebuild.amazonaws.com",
		Conditions: []iampolicy.Condition{
			iampolicy.StringEquals("aws:SourceAccount", args.Scope.Account),
			iampolicy.ArnEquals("aws:SourceArn", args.Scope.Project(args.Names.Of(naming.ImageProject))),
		},
		Policy: pulumi.String(policy),
		Tags:   args.Tags,
	}, pulumi.Parent(p))
	if err != nil {
		return nil, err
	}
	made, err := codebuild.NewProject(ctx, name, args.project(role, logs, source),
		pulumi.Parent(p), pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(role.Ready))
	if err != nil {
		return nil, err
	}
	p.Name = made.Name
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"name": p.Name})
}

func (a *ProjectArgs) project(role *access.ServiceRole, logs *cloudwatch.LogGroup, source *s3.BucketObjectv2) *codebuild.ProjectArgs {
	variables := map[string]pulumi.StringInput{
		"REPOSITORY_URL":  a.RepositoryURL,
		"REPOSITORY_NAME": pulumi.String(a.Names.Of(naming.ImageRepository)),
		"IMAGE_TAG":       pulumi.String("source-" + a.Context.Digest[:16]),
	}
	var env codebuild.ProjectEnvironmentEnvironmentVariableArray
	for _, key := range slices.Sorted(maps.Keys(variables)) {
		env = append(env, codebuild.ProjectEnvironmentEnvironmentVariableArgs{
			Name: pulumi.String(key), Value: variables[key], Type: pulumi.String("PLAINTEXT"),
		})
	}
	return &codebuild.ProjectArgs{
		Name:          pulumi.String(a.Names.Of(naming.ImageProject)),
		Description:   pulumi.String("Builds the image in which all pipelines run"),
		ServiceRole:   role.ARN,
		EncryptionKey: pulumi.String(a.KeyARN),
		BuildTimeout:  pulumi.Int(60),
		Artifacts:     codebuild.ProjectArtifactsArgs{Type: pulumi.String("NO_ARTIFACTS")},
		Source: codebuild.ProjectSourceArgs{
			Type:      pulumi.String("S3"),
			Location:  pulumi.Sprintf("%s/%s", source.Bucket, source.Key),
			Buildspec: pulumi.String("buildspec.yml"),
		},
		Environment: codebuild.ProjectEnvironmentArgs{
			Type:                     pulumi.String("LINUX_CONTAINER"),
			ComputeType:              pulumi.String("BUILD_GENERAL1_LARGE"), // S4
			Image:                    pulumi.String(builderImage),
			ImagePullCredentialsType: pulumi.String("CODEBUILD"),
			PrivilegedMode:           pulumi.Bool(true), // docker build
			EnvironmentVariables:     env,
		},
		LogsConfig: codebuild.ProjectLogsConfigArgs{CloudwatchLogs: codebuild.ProjectLogsConfigCloudwatchLogsArgs{
			Status: pulumi.String("ENABLED"), GroupName: logs.Name,
		}},
		Tags: a.Tags,
	}
}

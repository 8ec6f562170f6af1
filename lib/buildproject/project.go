package buildproject

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/codebuild"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/access"
	"delivery.internal/lib/compute"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// Args describe a project.
type Args struct {
	// Step is what the project runs.
	Step Step
	// Names and Scope give every name and ARN of the delivery account.
	Names naming.Namer
	Scope naming.Scope
	// Image is the build image, by digest.
	Image string
	// KeyARN is the key of the environment: artifacts, logs, state, secrets.
	KeyARN string
	// ArtifactBucket and StateBucket are the environment's, by name.
	ArtifactBucket, StateBucket string
	// LedgerBucket is the ledger's bucket by name, LedgerKeyARN its key.
	LedgerBucket, LedgerKeyARN string
	// Bus is the delivery event bus, by name.
	Bus string
	// TargetAccount is the account that is deployed to, TargetRoleARN the role
	// there that the step assumes, ExternalID what that role's trust demands.
	TargetAccount, TargetRoleARN, ExternalID string
	// Requires is the environment that must have deployed a commit before; ""
	// where there is none.
	Requires naming.Environment
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Project is a CodeBuild project with its role and its log group.
type Project struct {
	pulumi.ResourceState

	// Name is the project's physical name.
	Name pulumi.StringOutput
	// Ready are the resources that must exist before a build is started.
	Ready []pulumi.Resource
}

// imagePattern is an image reference whose content can't change.
var imagePattern = regexp.MustCompile(`^[^@\s]+@sha256:[0-9a-f]{64}$`)

func (a *Args) validate(name string) error {
	if a == nil {
		return fmt.Errorf("project %s has no arguments", name)
	}
	var errs []error
	if err := a.Step.validate(); err != nil {
		errs = append(errs, fmt.Errorf("project %s: %w", name, err))
	}
	if !imagePattern.MatchString(a.Image) {
		errs = append(errs, fmt.Errorf("project %s has image %q: expected REPOSITORY@sha256:DIGEST, a tag can be moved", name, a.Image))
	}
	for what, value := range map[string]string{
		"KeyARN": a.KeyARN, "ArtifactBucket": a.ArtifactBucket, "StateBucket": a.StateBucket,
		"LedgerBucket": a.LedgerBucket, "LedgerKeyARN": a.LedgerKeyARN, "Bus": a.Bus,
		"TargetAccount": a.TargetAccount, "TargetRoleARN": a.TargetRoleARN, "ExternalID": a.ExternalID,
	} {
		if value == "" {
			errs = append(errs, fmt.Errorf("project %s lacks %s", name, what))
		}
	}
	return errors.Join(errs...)
}

// NewProject makes a project.
func NewProject(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Project, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := args.policy()
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", name, err)
	}
	spec, err := args.Step.buildspec(args.Step).yaml()
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", name, err)
	}
	p := &Project{}
	if err := ctx.RegisterComponentResource("pipeline:buildproject:Project", name, p, opts...); err != nil {
		return nil, err
	}
	logs, err := compute.NewLogGroup(ctx, name+"-logs", &compute.LogGroupArgs{
		Names: args.Names, Kind: args.Step.Kinds.Logs, KeyARN: args.KeyARN, Tags: args.Tags,
	}, pulumi.Parent(p))
	if err != nil {
		return nil, err
	}
	role, err := access.NewServiceRole(ctx, name+"-role", args.role(policy), pulumi.Parent(p))
	if err != nil {
		return nil, err
	}
	made, err := codebuild.NewProject(ctx, name, args.project(role, logs, spec),
		pulumi.Parent(p), pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(role.Ready))
	if err != nil {
		return nil, err
	}
	p.Name, p.Ready = made.Name, []pulumi.Resource{made}
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"name": p.Name})
}

// role is assumed by CodeBuild for this project alone; see
// docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html.
func (a *Args) role(policy string) *access.ServiceRoleArgs {
	return &access.ServiceRoleArgs{
		Names:      a.Names,
		Role:       a.Step.Kinds.Role,
		PolicyKind: a.Step.Kinds.Policy,
		Service:    "codebuild.amazonaws.com",
		Conditions: []iampolicy.Condition{
			iampolicy.StringEquals("aws:SourceAccount", a.Scope.Account),
			iampolicy.ArnEquals("aws:SourceArn", a.Scope.Project(a.Names.Of(a.Step.Kinds.Project))),
		},
		Policy: pulumi.String(policy),
		Tags:   a.Tags,
	}
}

func (a *Args) project(role *access.ServiceRole, logs *cloudwatch.LogGroup, spec string) *codebuild.ProjectArgs {
	return &codebuild.ProjectArgs{
		Name:          pulumi.String(a.Names.Of(a.Step.Kinds.Project)),
		Description:   pulumi.String(fmt.Sprintf(a.Step.description, a.environment())),
		ServiceRole:   role.ARN,
		EncryptionKey: pulumi.String(a.KeyARN),
		BuildTimeout:  pulumi.Int(a.Step.TimeoutMinutes),
		QueuedTimeout: pulumi.Int(60),
		Source:        codebuild.ProjectSourceArgs{Type: pulumi.String("CODEPIPELINE"), Buildspec: pulumi.String(spec)},
		Artifacts:     codebuild.ProjectArtifactsArgs{Type: pulumi.String("CODEPIPELINE")},
		Environment: codebuild.ProjectEnvironmentArgs{
			Type:        pulumi.String("LINUX_CONTAINER"),
			ComputeType: pulumi.String("BUILD_GENERAL1_LARGE"), // S4
			Image:       pulumi.String(a.Image),
			// The repository's policy lets CodeBuild pull: no role needs a right in ECR.
			ImagePullCredentialsType: pulumi.String("CODEBUILD"),
			PrivilegedMode:           pulumi.Bool(false),
			EnvironmentVariables:     a.variables(),
		},
		LogsConfig: codebuild.ProjectLogsConfigArgs{CloudwatchLogs: codebuild.ProjectLogsConfigCloudwatchLogsArgs{
			Status: pulumi.String("ENABLED"), GroupName: logs.Name,
		}},
		Tags: a.Tags,
	}
}

// variables are what the deployer needs to know and does not change from run
// to run; the pipeline's actions add the rest. None is secret: an external id
// is not, AWS says.
func (a *Args) variables() codebuild.ProjectEnvironmentEnvironmentVariableArray {
	var out codebuild.ProjectEnvironmentEnvironmentVariableArray
	for _, v := range []struct{ name, value string }{
		{contract.EnvEnvironment, a.environment()},
		{contract.EnvPipeline, a.Names.Of(naming.Pipeline)},
		{contract.EnvRegion, a.Scope.Region},
		{contract.EnvAccount, a.TargetAccount},
		{contract.EnvStateBucket, a.StateBucket},
		{contract.EnvSecretsKey, a.KeyARN},
		{contract.EnvRole, a.TargetRoleARN},
		{contract.EnvExternalID, a.ExternalID},
		{contract.EnvLedgerBucket, a.LedgerBucket},
		{contract.EnvBus, a.Bus},
		{contract.EnvRequires, string(a.Requires)},
	} {
		if v.value == "" {
			continue // only Requires may be empty, and unset means the same
		}
		out = append(out, codebuild.ProjectEnvironmentEnvironmentVariableArgs{
			Name: pulumi.String(v.name), Value: pulumi.String(v.value), Type: pulumi.String("PLAINTEXT"),
		})
	}
	return out
}

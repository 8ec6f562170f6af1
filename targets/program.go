package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/access"
	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/projectconfig"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackoutputs"
	"delivery.internal/lib/stackrefs"
)

// program makes the roles of the environment that the stack is named after.
func program(ctx *pulumi.Context) error {
	own, err := readConfig(ctx)
	if err != nil {
		return err
	}
	bootstrap, err := stackoutputs.Read[stackrefs.Bootstrap[string]](ctx, stackrefs.BootstrapProject, own.suffix, "run: make bootstrap")
	if err != nil {
		return err
	}
	s := bootstrap.Settings
	if _, ok := s.Environments.Find(own.env); !ok {
		return fmt.Errorf("stack %s of targets is not named after an environment of the installation: expected one of %v; add it with: make environment NAME=%s", own.env, s.Environments.Names(), own.env)
	}
	provider, err := targetProvider(ctx, s, own)
	if err != nil {
		return err
	}
	roles, err := access.NewTargetRoles(ctx, "target", &access.TargetRolesArgs{
		Names:          s.Namer(own.env),
		Delivery:       s.Delivery(),
		PreviewCallers: buildproject.Roles(s.Delivery(), s.Namer(own.env), buildproject.Assuming(buildproject.ReadTarget)),
		DeployCallers:  buildproject.Roles(s.Delivery(), s.Namer(own.env), buildproject.Assuming(buildproject.ChangeTarget)),
		Target:         s.Target(own.env),
		Workload:       own.workload,
		Tags:           pulumi.ToStringMap(s.Tags(own.env, stackrefs.TargetsProject)),
	}, pulumi.Providers(provider))
	if err != nil {
		return err
	}
	return stackoutputs.Export(ctx, stackrefs.Targets[pulumi.StringInput]{
		PreviewRoleARN: roles.PreviewARN,
		DeployRoleARN:  roles.DeployARN,
		ExternalID:     pulumi.String(roles.ExternalID),
	})
}

// targetConfig is the project's own configuration.
type targetConfig struct {
	env       naming.Environment
	suffix    string
	profile   string
	adminRole string
	workload  []access.Permission
}

func readConfig(ctx *pulumi.Context) (targetConfig, error) {
	var own targetConfig
	env := naming.Environment(ctx.Stack())
	if err := naming.ValidEnvironment(ctx.Stack()); err != nil {
		return own, fmt.Errorf("a stack of targets is named after its environment: %w", err)
	}
	r := projectconfig.NewReader(ctx)
	own = targetConfig{
		env:       env,
		suffix:    r.Required("environmentSuffix", "the suffix that bootstrap was given", naming.DocumentedSuffix),
		profile:   r.String("profile", ""),
		adminRole: r.Match("adminRole", "", settings.RoleName, "the name of a role of the target account, not its ARN", "PlatformAdministrator"),
	}
	const example = `'[{"read":["sqs:GetQueueUrl"],"resources":["arn:aws:sqs:${region}:${account}:jobs-${environment}-${suffix}"]}]'`
	r.Object("workload", &own.workload, "a list of {read, write, resources}", example)
	if len(own.workload) == 0 {
		own.workload = access.Default()
	}
	return own, r.Err()
}

// targetProvider reaches the target account and refuses any other: with the
// profile, else directly, where the delivery account is its own target, else by
// assuming the administrators' role. There is no default role: that of AWS
// Organizations trusts the management account and not the delivery account.
func targetProvider(ctx *pulumi.Context, s settings.Settings, own targetConfig) (*aws.Provider, error) {
	target := s.Target(own.env)
	args := &aws.ProviderArgs{
		Region:            pulumi.String(target.Region),
		AllowedAccountIds: pulumi.StringArray{pulumi.String(target.Account)},
	}
	switch {
	case own.profile != "":
		args.Profile = pulumi.StringPtr(own.profile)
	case target.Account == s.DeliveryAccount:
	case own.adminRole != "":
		args.AssumeRole = aws.ProviderAssumeRoleArgs{
			RoleArn:     pulumi.StringPtr(target.Role(own.adminRole)),
			SessionName: pulumi.StringPtr("targets-" + string(own.env) + "-" + s.EnvironmentSuffix),
		}
	default:
		return nil, fmt.Errorf("settings: neither \"targets:adminRole\" nor \"targets:profile\" is set, and account %s of %s is not the delivery account %s: expected a role of %s that trusts the delivery account, or a profile of an administrator there; run: make configure ADMIN_ROLE=NAME, or: make configure %s_PROFILE=NAME",
			target.Account, own.env, s.DeliveryAccount, target.Account, strings.ToUpper(string(own.env)))
	}
	return aws.NewProvider(ctx, "target-account", args)
}

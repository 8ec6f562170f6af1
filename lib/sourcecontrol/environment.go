package sourcecontrol

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-github/sdk/v6/go/github"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// EnvironmentArgs describe a repository environment.
type EnvironmentArgs struct {
	// Repository is the name without the owner.
	Repository string
	// Name is the environment's name, from lib/naming.
	Name string
	// Variables and Secrets are given to workflows that use the environment.
	Variables, Secrets map[string]string
}

// Environment is a repository environment.
type Environment struct {
	pulumi.ResourceState

	// Name is the environment's.
	Name pulumi.StringOutput
}

// variablePattern is GitHub's rule for names of variables and secrets; they
// may not begin with GITHUB_ either.
var variablePattern = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func (a *EnvironmentArgs) validate(name string) error {
	if a == nil || a.Repository == "" || a.Name == "" {
		return fmt.Errorf("repository environment %s needs Repository and Name", name)
	}
	var errs []error
	for _, values := range []map[string]string{a.Variables, a.Secrets} {
		for key, v := range values {
			if !variablePattern.MatchString(key) || v == "" {
				errs = append(errs, fmt.Errorf("repository environment %s: %s=%q is not a variable: expected capitals, digits and underscores, and a value", name, key, v))
			}
		}
	}
	return errors.Join(errs...)
}

// NewEnvironment makes a repository environment. Only protected branches may
// use it.
func NewEnvironment(ctx *pulumi.Context, name string, args *EnvironmentArgs, opts ...pulumi.ResourceOption) (*Environment, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	e := &Environment{}
	if err := ctx.RegisterComponentResource("pipeline:sourcecontrol:Environment", name, e, opts...); err != nil {
		return nil, err
	}
	made, err := github.NewRepositoryEnvironment(ctx, name, &github.RepositoryEnvironmentArgs{
		Repository:  pulumi.String(args.Repository),
		Environment: pulumi.String(args.Name),
		DeploymentBranchPolicy: github.RepositoryEnvironmentDeploymentBranchPolicyArgs{
			ProtectedBranches:    pulumi.Bool(true),
			CustomBranchPolicies: pulumi.Bool(false),
		},
	}, pulumi.Parent(e), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(args.Variables)) {
		if _, err := github.NewActionsEnvironmentVariable(ctx, name+"-"+key, &github.ActionsEnvironmentVariableArgs{
			Repository:   pulumi.String(args.Repository),
			Environment:  made.Environment,
			VariableName: pulumi.String(key),
			Value:        pulumi.String(args.Variables[key]),
		}, pulumi.Parent(e), pulumi.DeleteBeforeReplace(true)); err != nil {
			return nil, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(args.Secrets)) {
		if _, err := github.NewActionsEnvironmentSecret(ctx, name+"-"+key, &github.ActionsEnvironmentSecretArgs{
			Repository:     pulumi.String(args.Repository),
			Environment:    made.Environment,
			SecretName:     pulumi.String(key),
			PlaintextValue: pulumi.ToSecret(pulumi.String(args.Secrets[key])).(pulumi.StringOutput),
		}, pulumi.Parent(e), pulumi.DeleteBeforeReplace(true)); err != nil {
			return nil, err
		}
	}
	e.Name = made.Environment
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"name": e.Name})
}

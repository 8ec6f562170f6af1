package access

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// ServiceRoleArgs describe a service role.
type ServiceRoleArgs struct {
	// Names, Role and PolicyKind give the physical names.
	Names            naming.Namer
	Role, PolicyKind naming.Kind
	// Service is the service that assumes the role, for instance
	// lambda.amazonaws.com.
	Service string
	// Conditions narrow the trust, for instance to one source ARN.
	Conditions []iampolicy.Condition
	// Policy is the JSON of what the role may do.
	Policy pulumi.StringInput
	// Tags are put on the role.
	Tags pulumi.StringMap
}

// ServiceRole is a role that an AWS service assumes: one service in the trust
// policy, one inline policy, nothing else. The policy is written by the
// component that needs the role, next to the thing that uses it.
type ServiceRole struct {
	pulumi.ResourceState

	// ARN is the role's ARN.
	ARN pulumi.StringOutput
	// Ready are the resources that must exist before the role is of use: give
	// them to pulumi.DependsOn.
	Ready []pulumi.Resource
}

func (a *ServiceRoleArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("role %s has no arguments", name)
	}
	var errs []error
	if a.Role == (naming.Kind{}) || a.PolicyKind == (naming.Kind{}) {
		errs = append(errs, fmt.Errorf("role %s lacks a name: set Names, Role and PolicyKind", name))
	}
	if !strings.HasSuffix(a.Service, ".amazonaws.com") {
		errs = append(errs, fmt.Errorf("role %s: %q is not a service principal: expected for instance lambda.amazonaws.com", name, a.Service))
	}
	if a.Policy == nil {
		errs = append(errs, fmt.Errorf("role %s has no policy: set Policy", name))
	}
	return errors.Join(errs...)
}

// NewServiceRole makes a role.
func NewServiceRole(ctx *pulumi.Context, name string, args *ServiceRoleArgs, opts ...pulumi.ResourceOption) (*ServiceRole, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	trust, err := iampolicy.New(iampolicy.Allow("sts:AssumeRole").ToService(args.Service).NoResource().When(args.Conditions...)).JSON()
	if err != nil {
		return nil, fmt.Errorf("role %s: %w", name, err)
	}
	r := &ServiceRole{}
	if err := ctx.RegisterComponentResource("pipeline:identity:ServiceRole", name, r, opts...); err != nil {
		return nil, err
	}
	child := []pulumi.ResourceOption{pulumi.Parent(r), pulumi.DeleteBeforeReplace(true)}
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		Name:                pulumi.String(args.Names.Of(args.Role)),
		AssumeRolePolicy:    pulumi.String(trust),
		ForceDetachPolicies: pulumi.Bool(true),
		Tags:                args.Tags,
	}, child...)
	if err != nil {
		return nil, err
	}
	policy, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{
		Name:   pulumi.String(args.Names.Of(args.PolicyKind)),
		Role:   role.Name,
		Policy: args.Policy,
	}, child...)
	if err != nil {
		return nil, err
	}
	r.ARN, r.Ready = role.Arn, []pulumi.Resource{role, policy}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"arn": r.ARN})
}

package access

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// sessionSeconds ends a role's session after an hour: the most that AWS grants
// to a role that assumes another one, as CodeBuild's does.
const sessionSeconds = 3600

// maxBoundary is IAM's limit on the length of a managed policy.
const maxBoundary = 6144

// TargetRolesArgs describe the roles of an environment.
type TargetRolesArgs struct {
	// Names are the environment's names.
	Names naming.Namer
	// Delivery is the account whose CodeBuild roles are trusted.
	Delivery naming.Scope
	// PreviewCallers and DeployCallers are the ARNs of those that assume each
	// of the roles.
	PreviewCallers, DeployCallers []string
	// Target is the account in which the roles are made.
	Target naming.Scope
	// Workload are the permissions; see Default.
	Workload []Permission
	// Tags are put on the roles and the boundary.
	Tags pulumi.StringMap
}

// TargetRoles are the preview and the deploy role of an environment.
type TargetRoles struct {
	pulumi.ResourceState

	// PreviewARN is the role that can only read.
	PreviewARN pulumi.StringOutput
	// DeployARN is the role that can change the workload.
	DeployARN pulumi.StringOutput
	// ExternalID must be given by who assumes one of them.
	ExternalID string
	// Ready are the resources that must exist before the roles are of use.
	Ready []pulumi.Resource
}

func (a *TargetRolesArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("roles %s have no arguments", name)
	}
	var errs []error
	for what, scope := range map[string]naming.Scope{"delivery": a.Delivery, "target": a.Target} {
		if !awsname.Account.Allows(scope.Account) || scope.Region == "" {
			errs = append(errs, fmt.Errorf("roles %s: the %s account %q in region %q is not usable: expected twelve digits and a region", name, what, scope.Account, scope.Region))
		}
	}
	if len(a.PreviewCallers) == 0 || len(a.DeployCallers) == 0 {
		errs = append(errs, fmt.Errorf("roles %s would trust nobody: set PreviewCallers and DeployCallers", name))
	}
	if err := naming.ValidEnvironment(string(a.Names.Environment())); err != nil {
		errs = append(errs, fmt.Errorf("roles %s: %w", name, err))
	}
	return errors.Join(errs...)
}

// NewTargetRoles makes the roles.
func NewTargetRoles(ctx *pulumi.Context, name string, args *TargetRolesArgs, opts ...pulumi.ResourceOption) (*TargetRoles, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	docs, err := place{args.Target, args.Names}.compile(args.Workload)
	if err != nil {
		return nil, err
	}
	r := &TargetRoles{ExternalID: args.Names.Of(naming.ExternalID)}
	if err := ctx.RegisterComponentResource("pipeline:access:TargetRoles", name, r, opts...); err != nil {
		return nil, err
	}
	boundary, err := r.boundary(ctx, name, args, docs.boundary)
	if err != nil {
		return nil, err
	}
	if r.PreviewARN, err = r.role(ctx, name+"-preview", args, previewRole, docs.preview, boundary); err != nil {
		return nil, err
	}
	if r.DeployARN, err = r.role(ctx, name+"-deploy", args, deployRole, docs.deploy, boundary); err != nil {
		return nil, err
	}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{
		"previewRoleArn": r.PreviewARN, "deployRoleArn": r.DeployARN,
		"boundaryArn": boundary.Arn, "externalId": pulumi.String(r.ExternalID),
	})
}

// roleKinds is what tells the two roles apart.
type roleKinds struct {
	role, policy naming.Kind
	callers      func(*TargetRolesArgs) []string
	purpose      string
}

var (
	previewRole = roleKinds{naming.PreviewRole, naming.PreviewPolicy, func(a *TargetRolesArgs) []string { return a.PreviewCallers }, "Reads for pulumi preview in the delivery pipeline"}
	deployRole  = roleKinds{naming.DeployRole, naming.DeployPolicy, func(a *TargetRolesArgs) []string { return a.DeployCallers }, "Deploys workloads from the delivery pipeline"}
)

func (r *TargetRoles) boundary(ctx *pulumi.Context, name string, args *TargetRolesArgs, doc iampolicy.Document) (*iam.Policy, error) {
	text, err := doc.JSON()
	if err != nil {
		return nil, err
	}
	if len(text) > maxBoundary {
		return nil, fmt.Errorf("the workload permissions make a boundary of %d characters, and IAM accepts %d: merge permissions that share resources", len(text), maxBoundary)
	}
	// A fixed name can't have a twin: the old policy goes first.
	return iam.NewPolicy(ctx, name+"-boundary", &iam.PolicyArgs{
		Name:        pulumi.String(args.Names.Of(naming.PermissionsBoundary)),
		Description: pulumi.String("The most that the delivery pipeline can do in this account"),
		Policy:      pulumi.String(text),
		Tags:        args.Tags,
	}, pulumi.Parent(r), pulumi.DeleteBeforeReplace(true))
}

func (r *TargetRoles) role(ctx *pulumi.Context, name string, args *TargetRolesArgs, kinds roleKinds, doc iampolicy.Document, boundary *iam.Policy) (pulumi.StringOutput, error) {
	none := pulumi.StringOutput{}
	trust, err := Trust(args.Delivery, args.Names, kinds.callers(args)...).JSON()
	if err != nil {
		return none, err
	}
	policy, err := doc.JSON()
	if err != nil {
		return none, err
	}
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		Name:                pulumi.String(args.Names.Of(kinds.role)),
		Description:         pulumi.String(kinds.purpose),
		AssumeRolePolicy:    pulumi.String(trust),
		MaxSessionDuration:  pulumi.Int(sessionSeconds),
		PermissionsBoundary: boundary.Arn,
		ForceDetachPolicies: pulumi.Bool(true),
		Tags:                args.Tags,
	}, pulumi.Parent(r), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return none, err
	}
	inline, err := iam.NewRolePolicy(ctx, name+"-policy", &iam.RolePolicyArgs{
		Name:   pulumi.String(args.Names.Of(kinds.policy)),
		Role:   role.Name,
		Policy: pulumi.String(policy),
	}, pulumi.Parent(role), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return none, err
	}
	r.Ready = append(r.Ready, role, inline)
	return role.Arn, nil
}

// Trust lets exactly these roles of the delivery account in, and only with the
// external id. They are named by a condition under the account, so that they
// need not exist yet and may be deleted and made again.
func Trust(delivery naming.Scope, names naming.Namer, callers ...string) iampolicy.Document {
	return iampolicy.New(iampolicy.Allow("sts:AssumeRole").Named("Pipeline").ToAWS(delivery.Root()).NoResource().
		When(iampolicy.StringEquals("aws:PrincipalArn", callers...),
			iampolicy.StringEquals("sts:ExternalId", names.Of(naming.ExternalID))))
}

package provider

import (
	"fmt"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// Limits of IAM. See CreateRole in the IAM API.
const (
	descriptions = `[\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{00A1}-\x{00FF}]{0,1000}`
	// maxAttached is the quota "Managed policies attached to an IAM role".
	maxAttached = 10
)

// onlyPath: the platform has no IAM paths. A path is part of the ARN, so that
// every ARN built from a name would be wrong.
var onlyPath = text.match(`/`).def("/").replaces()

func iamKinds() []Kind {
	return []Kind{roleKind(), rolePolicyKind(), policyKind(), attachmentKind()}
}

func roleKind() Kind {
	return Kind{
		Token: typetoken.Role,
		Name:  "name",
		Taken: "EntityAlreadyExists: Role with name %s already exists.",
		ARN:   arns.Role,
		Inputs: map[string]Input{
			"name":                named(awsname.Role).replaces(),
			"assumeRolePolicy":    text.required().policy(iam.Trust),
			"description":         text.match(descriptions),
			"maxSessionDuration":  number.between(3600, 43200).def(3600.0),
			"permissionsBoundary": text.refers("arn", typetoken.Policy),
			"forceDetachPolicies": flag.def(false),
			"path":                onlyPath,
			"tags":                tags,
		},
		Computed: []string{"uniqueId", "createDate"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{
				"uniqueId":   c.keptOutput("uniqueId", func() any { return fmt.Sprintf("AROA%017d", c.Cloud.Serial()) }),
				"createDate": c.creationTime("createDate"),
			}, c.authorizeTags("iam:TagRole", "iam:UntagRole")
		},
		Delete: deleteRole,
		Actions: Actions{
			Create: []string{"iam:CreateRole"}, Read: []string{"iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"},
			Update: []string{"iam:UpdateRole"}, Delete: []string{"iam:DeleteRole", "iam:ListInstanceProfilesForRole"},
		},
		UpdateBy: map[string][]string{
			"assumeRolePolicy": {"iam:UpdateAssumeRolePolicy"}, "permissionsBoundary": {"iam:PutRolePermissionsBoundary"},
			"tags": nil, "forceDetachPolicies": nil,
		},
	}
}

// creationTime is the time of creation, which stays.
func (c *Call) creationTime(output string) any {
	return c.keptOutput(output, func() any { return c.Cloud.Now().UTC().Format(time.RFC3339) })
}

// ofRole is the role that a policy is put on.
func ofRole(c *Call, _ string) []string {
	return []string{arns.Role(c.Account, c.Str("role"))}
}

func rolePolicyKind() Kind {
	put := []string{"iam:PutRolePolicy"}
	return Kind{
		Token: typetoken.RolePolicy,
		Inputs: map[string]Input{
			"name":   named(awsname.Policy).required().replaces(),
			"role":   text.required().replaces().refers("name", typetoken.Role),
			"policy": text.required().policy(iam.Inline),
		},
		ID:     joinedID(":", "role", "name"),
		Slot:   []string{"role", "name"},
		Target: ofRole,
		Outputs: func(c *Call) (map[string]any, error) {
			texts := []string{c.Str("policy")}
			for _, p := range c.Cloud.Find(c.Account, typetoken.RolePolicy, func(r *cloud.Resource) bool { return r.Str("role") == c.Str("role") && r.ID != c.ID }) {
				texts = append(texts, p.Str("policy"))
			}
			return nil, iam.CheckInline(texts...)
		},
		Actions: Actions{Create: put, Read: []string{"iam:GetRolePolicy"}, Update: put, Delete: []string{"iam:DeleteRolePolicy"}},
	}
}

func policyKind() Kind {
	return Kind{
		Token: typetoken.Policy,
		Name:  "name",
		Taken: "EntityAlreadyExists: A policy called %s already exists. Duplicate names are not allowed.",
		ARN:   arns.Policy,
		ID:    func(c *Call) string { return arns.Policy(c.Account, c.Name) },
		Inputs: map[string]Input{
			"name":        named(awsname.Policy).replaces(),
			"description": text.match(descriptions).replaces(),
			"path":        onlyPath,
			"policy":      text.required().policy(iam.Identity),
			"tags":        tags,
		},
		Computed: []string{"policyId", "attachmentCount"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{
				"policyId":        c.keptOutput("policyId", func() any { return fmt.Sprintf("ANPA%017d", c.Cloud.Serial()) }),
				"attachmentCount": c.keptOutput("attachmentCount", func() any { return 0.0 }),
			}, c.authorizeTags("iam:TagPolicy", "iam:UntagPolicy")
		},
		Delete: deletePolicy,
		Actions: Actions{
			Create: []string{"iam:CreatePolicy"}, Read: []string{"iam:GetPolicy", "iam:GetPolicyVersion"},
			Update: []string{"iam:ListPolicyVersions", "iam:CreatePolicyVersion"}, Delete: []string{"iam:ListPolicyVersions", "iam:DeletePolicy"},
		},
		UpdateBy: map[string][]string{"tags": nil},
	}
}

func attachmentKind() Kind {
	return Kind{
		Token: typetoken.RolePolicyAttachment,
		Inputs: map[string]Input{
			"role":      text.required().replaces().refers("name", typetoken.Role),
			"policyArn": text.required().replaces().refers("arn", typetoken.Policy),
		},
		ID:     joinedID("/", "role", "policyArn"),
		Slot:   []string{"role", "policyArn"},
		Target: ofRole,
		Outputs: func(c *Call) (map[string]any, error) {
			if n := len(c.Cloud.Find(c.Account, typetoken.RolePolicyAttachment, func(r *cloud.Resource) bool { return r.Str("role") == c.Str("role") })); n >= maxAttached {
				return nil, apierr.BadRequest("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
			}
			return nil, nil
		},
		Actions: Actions{Create: []string{"iam:AttachRolePolicy"}, Read: []string{"iam:ListAttachedRolePolicies"}, Delete: []string{"iam:DetachRolePolicy"}},
	}
}

// deleteRole refuses as DeleteRole does while policies are attached or inline;
// forceDetachPolicies removes them first, as the provider does.
func deleteRole(c *Call) error {
	of := func(r *cloud.Resource) bool { return r.Str("role") == c.Name }
	inline := c.Cloud.Find(c.Account, typetoken.RolePolicy, of)
	attached := c.Cloud.Find(c.Account, typetoken.RolePolicyAttachment, of)
	if force := c.isSet("forceDetachPolicies"); !force {
		if len(attached) > 0 {
			return apierr.BadRequest("DeleteConflict", "Cannot delete entity, must detach all policies first: role %s has %d", c.Name, len(attached))
		}
		if len(inline) > 0 {
			return apierr.BadRequest("DeleteConflict", "Cannot delete entity, must delete policies first: role %s has %d", c.Name, len(inline))
		}
	}
	for action, list := range map[string][]*cloud.Resource{"iam:DeleteRolePolicy": inline, "iam:DetachRolePolicy": attached} {
		for _, p := range list {
			if err := c.authorizeAlso(c.ARN, nil, action); err != nil {
				return err
			}
			c.Cloud.Remove(p.Account, p.Type, p.ID)
		}
	}
	return nil
}

// deletePolicy refuses as DeletePolicy does while the policy is attached or
// serves as a boundary.
func deletePolicy(c *Call) error {
	if r := c.Cloud.First(c.Account, typetoken.RolePolicyAttachment, func(r *cloud.Resource) bool { return r.Str("policyArn") == c.ARN }); r != nil {
		return apierr.BadRequest("DeleteConflict", "Cannot delete a policy attached to entities: %s is attached to %s", c.Name, r.Str("role"))
	}
	if r := c.Cloud.First(c.Account, typetoken.Role, func(r *cloud.Resource) bool { return r.Str("permissionsBoundary") == c.ARN }); r != nil {
		return apierr.BadRequest("DeleteConflict", "Cannot delete a policy attached to entities: %s is the boundary of %s", c.Name, r.Name)
	}
	return nil
}

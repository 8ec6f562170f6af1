package provider

import (
	"fmt"

	"delivery/lib/rehearsal/cloud"
	"delivery/lib/rehearsal/iam"
)

// Names of IAM entities. See CreateRole and CreatePolicy in the IAM API.
const (
	roleNames   = `[\w+=,.@-]{1,64}`
	policyNames = `[\w+=,.@-]{1,128}`
)

func iamKinds() []Kind {
	return []Kind{{
		Token: cloud.RoleType,
		Name:  "name",
		ARN:   globalARN("iam", "role/"),
		Inputs: map[string]Input{
			"name":                text.match(roleNames).replaces(),
			"assumeRolePolicy":    text.required().policy(iam.Trust),
			"description":         text.between(0, 1000),
			"maxSessionDuration":  number.between(3600, 43200).def(3600.0),
			"permissionsBoundary": text.refers("arn", cloud.PolicyType),
			"forceDetachPolicies": flag.def(false),
			"path":                text.match(`/`).def("/").replaces(),
			"tags":                tags,
		},
		Computed: []string{"uniqueId", "createDate"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"uniqueId": fmt.Sprintf("AROA%017d", c.Cloud.Serial()), "createDate": "2026-01-01T00:00:00Z"}, nil
		},
		Delete: deleteRole,
		Actions: Actions{
			Create: []string{"iam:CreateRole"}, Read: []string{"iam:GetRole"},
			Update: []string{"iam:UpdateRole"}, Delete: []string{"iam:DeleteRole"},
		},
	}, {
		Token: cloud.RolePolicyType,
		Inputs: map[string]Input{
			"name":   text.required().match(policyNames).replaces(),
			"role":   text.required().replaces().refers("name", cloud.RoleType),
			"policy": text.required().policy(iam.Inline),
		},
		ID:   joined(":", "role", "name"),
		Slot: []string{"role", "name"},
		Outputs: func(c *Call) (map[string]any, error) {
			texts := []string{c.Str("policy")}
			for _, p := range c.Cloud.Find(c.Account, cloud.RolePolicyType, func(r *cloud.Resource) bool { return r.Str("role") == c.Str("role") && r.ID != c.ID }) {
				texts = append(texts, p.Str("policy"))
			}
			return nil, iam.CheckInline(texts...)
		},
		Actions: Actions{Create: []string{"iam:PutRolePolicy"}, Read: []string{"iam:GetRolePolicy"}, Update: []string{"iam:PutRolePolicy"}, Delete: []string{"iam:DeleteRolePolicy"}},
	}, {
		Token: cloud.PolicyType,
		Name:  "name",
		ARN:   globalARN("iam", "policy/"),
		ID:    func(c *Call) string { return globalARN("iam", "policy/")(c.Account, c.Name) },
		Inputs: map[string]Input{
			"name":        text.match(policyNames).replaces(),
			"description": text.between(0, 1000).replaces(),
			"path":        text.match(`/`).def("/").replaces(),
			"policy":      text.required().policy(iam.Identity),
			"tags":        tags,
		},
		Computed: []string{"policyId"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"policyId": fmt.Sprintf("ANPA%017d", c.Cloud.Serial())}, nil
		},
		Delete:  deletePolicy,
		Actions: Actions{Create: []string{"iam:CreatePolicy"}, Read: []string{"iam:GetPolicy"}, Update: []string{"iam:CreatePolicyVersion"}, Delete: []string{"iam:DeletePolicy"}},
	}, {
		Token: cloud.AttachmentType,
		Inputs: map[string]Input{
			"role":      text.required().replaces().refers("name", cloud.RoleType),
			"policyArn": text.required().replaces().refers("arn", cloud.PolicyType),
		},
		ID:      joined("/", "role", "policyArn"),
		Slot:    []string{"role", "policyArn"},
		Actions: Actions{Create: []string{"iam:AttachRolePolicy"}, Read: []string{"iam:ListAttachedRolePolicies"}, Delete: []string{"iam:DetachRolePolicy"}},
	}}
}

// deleteRole refuses as DeleteRole does while policies are attached or inline;
// forceDetachPolicies removes them first, as the provider does.
func deleteRole(c *Call) error {
	of := func(r *cloud.Resource) bool { return r.Str("role") == c.Name }
	inline := c.Cloud.Find(c.Account, cloud.RolePolicyType, of)
	attached := c.Cloud.Find(c.Account, cloud.AttachmentType, of)
	if len(inline)+len(attached) == 0 {
		return nil
	}
	if force, _ := c.Inputs["forceDetachPolicies"].(bool); !force {
		return fmt.Errorf("DeleteConflict: Cannot delete entity, must delete policies first: role %s has %d", c.Name, len(inline)+len(attached))
	}
	for _, p := range append(inline, attached...) {
		c.Cloud.Remove(p.Account, p.Type, p.ID)
	}
	return nil
}

// deletePolicy refuses as DeletePolicy does while the policy is attached or
// serves as a boundary.
func deletePolicy(c *Call) error {
	if r := c.Cloud.First(c.Account, cloud.AttachmentType, func(r *cloud.Resource) bool { return r.Str("policyArn") == c.ARN }); r != nil {
		return fmt.Errorf("DeleteConflict: Cannot delete a policy attached to entities: %s is attached to %s", c.Name, r.Str("role"))
	}
	if r := c.Cloud.First(c.Account, cloud.RoleType, func(r *cloud.Resource) bool { return r.Str("permissionsBoundary") == c.ARN }); r != nil {
		return fmt.Errorf("DeleteConflict: Cannot delete a policy attached to entities: %s is the boundary of %s", c.Name, r.Name)
	}
	return nil
}

package cloud

import (
	"strings"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
)

// Witness sets who is told of every allowed call, with the policies that were
// asked. It has to be set before the first call.
func (c *Cloud) Witness(f func(iam.Request, iam.Policies)) { c.witness = f }

// PoliciesOf are the policies that a resource is or carries, each by the name
// that Authorize knows it by.
func (c *Cloud) PoliciesOf(r *Resource) []iam.Named {
	of := func(name, property string) []iam.Named {
		if text := r.Str(property); text != "" {
			return []iam.Named{{Name: name, Document: text}}
		}
		return nil
	}
	switch r.Type {
	case typetoken.RolePolicy:
		return of(r.Str("name"), "policy")
	case typetoken.Policy:
		return of(r.Name, "policy")
	case typetoken.Role:
		return of(r.Type+" "+r.ID, "assumeRolePolicy")
	case typetoken.Permission:
		arn := r.Str("function")
		if !strings.HasPrefix(arn, "arn:") {
			arn = ARN("lambda", r.Account, "function:"+arn)
		}
		if p := c.functionPolicy(r.Account, arn); p != nil {
			return []iam.Named{*p}
		}
		return nil
	case typetoken.BucketPolicy, typetoken.Key, typetoken.TopicPolicy, typetoken.QueuePolicy, typetoken.RepositoryPolicy, typetoken.EventBusPolicy:
		return of(r.Type+" "+r.ID, "policy")
	}
	return nil
}

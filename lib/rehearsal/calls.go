package rehearsal

import (
	"strings"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/leastprivilege"
	"delivery.internal/lib/rehearsal/cloud"
)

// RecordCalls notes every call that the cloud allows from now on, and every
// policy that is deployed. It has to be called before anything is.
func (r *Rig) RecordCalls() *leastprivilege.Recording {
	out := leastprivilege.NewRecording()
	r.Cloud.Witness(out.Add)
	r.Cloud.OnChange(func(change cloud.Change, resource *cloud.Resource) {
		if change == cloud.Deleted || resource.Seed {
			return
		}
		for _, p := range r.Cloud.PoliciesOf(resource) {
			reference := p.Name
			if strings.HasPrefix(resource.Type, "aws:iam/") && resource.Type != typetoken.Role {
				reference = leastprivilege.IdentityRef(resource.Account, p.Name)
			}
			out.AddPolicy(reference, r.nameOf(resource), p.Document)
		}
	})
	return out
}

// nameOf is the project, the kind and the logical name of a resource, which are
// the same in every rehearsal. Of targets there is a stack for each environment.
func (r *Rig) nameOf(resource *cloud.Resource) string {
	from := strings.TrimSuffix(strings.TrimPrefix(resource.Stack, "organization/"), "/"+r.Suffix)
	kind := resource.Type[strings.LastIndex(resource.Type, ":")+1:]
	return from + " " + kind + " " + resource.URN[strings.LastIndex(resource.URN, ":")+1:]
}

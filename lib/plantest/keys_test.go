package plantest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

func TestUnequalKeyGrantsAreFound(t *testing.T) {
	t.Parallel()
	key, role := Key(naming.Dev), "pipeline-role-dev-a1b2"
	policy := func(actions ...string) []Resource {
		text, err := iampolicy.New(iampolicy.Allow(actions...).On(key)).JSON()
		require.NoError(t, err)
		return []Resource{{Type: "aws:iam/rolePolicy:RolePolicy", Custom: true, Inputs: map[string]any{"role": role, "policy": text}}}
	}
	admin := iampolicy.Allow("kms:DescribeKey").ToAWS(scope.Root()).AnyResource("this key")
	users := func(actions ...string) iampolicy.Document {
		return iampolicy.New(admin, iampolicy.Allow(actions...).ToAWS(scope.Root()).AnyResource("this key").
			When(iampolicy.StringEquals("aws:PrincipalArn", scope.Role(role), scope.Role("pipeline-role-prod-a1b2"))))
	}
	for name, c := range map[string]struct {
		rs   []Resource
		key  iampolicy.Document
		want string
	}{
		"the same":                   {policy("kms:Decrypt"), users("kms:Decrypt"), ""},
		"by the administration":      {policy("kms:Decrypt", "kms:DescribeKey"), users("kms:Decrypt"), ""},
		"the role alone":             {policy("kms:Decrypt", "kms:Encrypt"), users("kms:Decrypt"), "the role's own policy allows what the key's does not"},
		"the key alone":              {policy("kms:Decrypt"), users("kms:Decrypt", "kms:Encrypt"), "the key's policy allows what the role's own does not"},
		"a role that there isn't":    {nil, users("kms:Decrypt"), "the key's policy allows what the role's own does not"},
		"named beside everybody":     {policy("kms:DescribeKey"), users("kms:DescribeKey"), "for what its account's policies decide anyway"},
		"for others of its account":  {policy("kms:Decrypt"), iampolicy.New(admin), "the role's own policy allows what the key's does not"},
		"that only services may use": {policy("kms:Decrypt"), iampolicy.New(iampolicy.Allow("kms:Decrypt").ToService("logs.us-east-1.amazonaws.com").AnyResource("this key")), "the role's own policy"},
	} {
		_, found, err := UnequalKeyGrants(c.rs, map[string]iampolicy.Document{key: c.key}, scope, naming.Dev)
		require.NoError(t, err)
		if c.want == "" {
			require.Empty(t, found, name)
			continue
		}
		require.NotEmpty(t, found, name)
		require.Contains(t, found[0], c.want, name)
	}
}

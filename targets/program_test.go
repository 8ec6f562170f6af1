package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/plantest"
)

const (
	roleType     = "aws:iam/role:Role"
	providerType = "pulumi:providers:aws"
	adminRole    = "PlatformAdministrator"
)

func stacks() map[string]map[string]any {
	return map[string]map[string]any{"bootstrap/" + plantest.Suffix: plantest.BootstrapOutputs()}
}

func config(more map[string]string) map[string]string {
	c := map[string]string{"aws:region": "us-east-1", "targets:environmentSuffix": plantest.Suffix, "targets:adminRole": adminRole}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func TestTargetsKeepTheRulesOfThePlatform(t *testing.T) {
	t.Parallel()
	for _, env := range plantest.Settings().Environments.Names() {
		rs := plantest.Run(t, "targets", string(env), config(nil), program, stacks())
		plantest.Check(t, rs, plantest.Suffix, map[string]string{"Environment": string(env)})
		require.Len(t, plantest.OfType(rs, roleType), 2)
	}
}

func TestEveryResourceIsMadeInTheTargetAccount(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "targets", "staging", config(nil), program, stacks())
	p := plantest.One(t, rs, providerType, "target-account")
	require.Contains(t, fmt.Sprint(p.Inputs["allowedAccountIds"]), "234567890123")
	require.Contains(t, fmt.Sprint(p.Inputs["assumeRole"]), "arn:aws:iam::234567890123:role/"+adminRole)
	for _, r := range rs {
		if r.Custom && r.Type != providerType {
			require.Contains(t, r.Provider, "target-account", r.String())
		}
	}
}

func TestAProfileReplacesTheAdministratorsRole(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "targets", "dev", config(map[string]string{"targets:profile": "dev-admin"}), program, stacks())
	p := plantest.One(t, rs, providerType, "target-account")
	require.Equal(t, "dev-admin", p.Text("profile"))
	require.Nil(t, p.Inputs["assumeRole"])
}

func TestATargetAccountWithoutAWayInIsRefused(t *testing.T) {
	t.Parallel()
	_, err := plantest.Try("targets", "staging", config(map[string]string{"targets:adminRole": ""}), program, stacks())
	for _, want := range []string{"234567890123", plantest.DeliveryAccount, "make configure ADMIN_ROLE=", "make configure STAGING_PROFILE="} {
		require.ErrorContains(t, err, want)
	}
}

func TestADeliveryAccountThatIsItsOwnTargetNeedsNoRole(t *testing.T) {
	t.Parallel()
	outputs := plantest.BootstrapOutputs()
	outputs["settings"].(map[string]any)["environments"].([]any)[0].(map[string]any)["account"] = plantest.DeliveryAccount
	for _, role := range []string{"", adminRole} {
		rs := plantest.Run(t, "targets", "dev", config(map[string]string{"targets:adminRole": role}), program, map[string]map[string]any{"bootstrap/a1b2": outputs})
		require.Nil(t, plantest.One(t, rs, providerType, "target-account").Inputs["assumeRole"])
	}
}

func TestEachRoleTrustsOneBuildRoleWithTheExternalID(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "targets", "prod", config(nil), program, stacks())
	for name, builder := range map[string]string{"preview": "preview-build-role-prod-a1b2", "deploy": "deploy-build-role-prod-a1b2"} {
		role := plantest.One(t, rs, roleType, "target-"+name)
		doc, err := iampolicy.Parse(role.Text("assumeRolePolicy"))
		require.NoError(t, err)
		require.Len(t, doc.Statement, 1)
		s := doc.Statement[0]
		require.Equal(t, iampolicy.Strings{"arn:aws:iam::111122223333:root"}, s.Principal.AWS)
		require.Equal(t, map[string]iampolicy.Strings{
			"aws:PrincipalArn": {"arn:aws:iam::111122223333:role/" + builder},
			"sts:ExternalId":   {"external-id-prod-a1b2"},
		}, s.Condition["StringEquals"])
		require.NotEmpty(t, role.Text("permissionsBoundary"))
		require.InDelta(t, 3600, role.Inputs["maxSessionDuration"], 0)
	}
}

func TestTargetsRefuseWithARemedy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, stack string
		config      map[string]string
		stacks      map[string]map[string]any
		want        string
	}{
		{"unknown environment", "qa", config(nil), stacks(), "expected one of [dev staging prod]"},
		{"no suffix", "dev", config(map[string]string{"targets:environmentSuffix": ""}), stacks(), "targets:environmentSuffix"},
		{"no bootstrap", "dev", config(nil), nil, "make bootstrap"},
		{"workload with a wildcard", "dev", config(map[string]string{"targets:workload": `[{"write":["sqs:*"],"read":["sqs:GetQueueUrl"],"resources":["arn:aws:sqs:us-east-1:1:q"]}]`}), stacks(), "wildcard"},
		{"workload is not a list", "dev", config(map[string]string{"targets:workload": `{"read":1}`}), stacks(), "targets:workload"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := plantest.Try("targets", c.stack, c.config, program, c.stacks)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestURNsNeverChange(t *testing.T) {
	t.Parallel()
	for _, env := range plantest.Settings().Environments.Names() {
		stack := string(env)
		rs := plantest.Run(t, "targets", stack, config(nil), program, stacks())
		plantest.GoldenURNs(t, stack, rs, "targets", stack)
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/promotion"
)

// with runs the program for other environments than the default ones.
func with(t *testing.T, all promotion.Environments) []plantest.Resource {
	t.Helper()
	s := plantest.Settings()
	s.Environments = all.InOrder()
	return plantest.Run(t, "shared", plantest.Suffix, config(t, nil), program, map[string]map[string]any{"bootstrap/" + plantest.Suffix: plantest.BootstrapOutputsOf(s)})
}

// TestTheApprovalTopicLetsNobodyPublish: who asks has the right by the policy of
// its own role, and another Allow would let nobody else.
func TestTheApprovalTopicLetsNobodyPublish(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range plantest.Policies(t, with(t, plantest.Settings().Environments)) {
		if p.Resource.Type != "aws:sns/topicPolicy:TopicPolicy" || p.Resource.Name != "approval-topic" {
			continue
		}
		found++
		for _, s := range p.Document.Statement {
			require.Equal(t, iampolicy.EffectDeny, s.Effect, s.Sid)
		}
	}
	require.Equal(t, 1, found)
}

func TestWithoutApprovalsThereIsNoTopicToAskOn(t *testing.T) {
	t.Parallel()
	rs := with(t, promotion.Environments{{Name: naming.Dev, Account: "123456789012"}})
	require.Len(t, plantest.OfType(rs, "aws:sns/topic:Topic"), 1)
}

func TestANewEnvironmentIsKnownEverywhere(t *testing.T) {
	t.Parallel()
	rs := with(t, append(plantest.Settings().Environments, promotion.Environment{Name: "eu-qa", Account: "456789012345", Follows: naming.Dev}))
	for _, r := range []struct{ typ, name, input, want string }{
		{"aws:lambda/function:Function", "starter", "environment", `\"pipeline-eu-qa-a1b2\":\"delivery.deployer.dev\"`},
		{"aws:ecr/repositoryPolicy:RepositoryPolicy", "", "policy", "project/preview-project-eu-qa-a1b2"},
		{"aws:cloudwatch/eventBusPolicy:EventBusPolicy", "", "policy", "role/deploy-build-role-eu-qa-a1b2"},
		{"aws:sns/topicPolicy:TopicPolicy", "pipeline-topic", "policy", "rule/state-rule-eu-qa-a1b2"},
		{"aws:s3/bucketPolicy:BucketPolicy", "ledger", "policy", `"Sid":"Writeeuqa"`},
		{"aws:cloudtrail/trail:Trail", "", "eventSelectors", "artifact-bucket-eu-qa-a1b2"},
	} {
		found := plantest.One(t, rs, r.typ, r.name).Inputs[r.input]
		text, ok := found.(string)
		if !ok {
			b, err := json.Marshal(found)
			require.NoError(t, err)
			text = strings.ReplaceAll(string(b), `\\\"`, `\"`)
		}
		require.Contains(t, text, r.want, r.typ)
	}
}

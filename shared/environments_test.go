package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

// publishers are the roles that a topic's policy lets publish.
func publishers(t *testing.T, rs []plantest.Resource, topic string) []string {
	t.Helper()
	var roles []string
	for _, p := range plantest.Policies(t, rs) {
		for _, s := range p.Document.Statement {
			if s.Sid == "Role" && strings.Contains(p.Resource.Name, topic) {
				roles = append(roles, s.Condition["StringEquals"]["aws:PrincipalArn"]...)
			}
		}
	}
	return roles
}

func TestEveryEnvironmentThatAsksMayAsk(t *testing.T) {
	t.Parallel()
	all := plantest.Settings().Environments
	all[1].Approval = true
	require.Equal(t, []string{"arn:aws:iam::111122223333:role/pipeline-role-staging-a1b2", "arn:aws:iam::111122223333:role/pipeline-role-prod-a1b2"},
		publishers(t, with(t, all), "approval-topic"))
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

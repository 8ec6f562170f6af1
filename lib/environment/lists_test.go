package environment_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"delivery.internal/lib/encryption"
	"delivery.internal/lib/environment"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackrefs"
)

// lists generates environments that bootstrap accepts: each comes after some
// that were listed before it, or starts at a push.
func lists() *rapid.Generator[promotion.Environments] {
	return rapid.Custom(func(t *rapid.T) promotion.Environments {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9]{1,4}(-[a-z0-9]{1,4})?`), 1, 5,
			func(name string) string { return strings.ReplaceAll(name, "-", "") }).Draw(t, "names")
		var all promotion.Environments
		for i, name := range names {
			if naming.ValidEnvironment(name) != nil {
				t.Skip("a reserved name")
			}
			before := append([]naming.Environment{""}, all.Names()...)
			all = append(all, promotion.Environment{
				Name: naming.Environment(name), Account: promotion.Account(fmt.Sprintf("20000000000%d", i)),
				Approval:  rapid.Bool().Draw(t, "approval"),
				Follows:   rapid.SampledFrom(before).Draw(t, "follows"),
				ImageFrom: rapid.SampledFrom(before).Draw(t, "imageFrom"),
			})
		}
		return rapid.Permutation(all).Draw(t, "order")
	})
}

// installation are the settings with a list, and the stacks before its
// environments.
func installation(all promotion.Environments) (settings.Settings, map[string]map[string]any) {
	s := plantest.Settings()
	s.Environments = all.InOrder()
	stacks := map[string]map[string]any{
		"bootstrap/" + plantest.Suffix: plantest.BootstrapOutputsOf(s),
		"shared/" + plantest.Suffix:    plantest.SharedOutputs(),
	}
	for _, env := range s.Environments.Names() {
		stacks["targets/"+string(env)] = plantest.TargetsOutputsOf(s, env)
		stacks[stackrefs.EnvironmentProject(env)+"/"+plantest.Suffix] = plantest.EnvironmentOutputs(env, older)
	}
	return s, stacks
}

// TestWhateverTheEnvironmentsAreNobodyIsDenied makes up lists of environments
// and holds what each one's roles ask for to what the keys grant, and its
// pipeline to what the list says.
func TestWhateverTheEnvironmentsAreNobodyIsDenied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := lists().Draw(t, "environments")
		require.Empty(t, all.Problems(false))
		s, stacks := installation(all)
		require.NoError(t, s.Validate())
		require.NoError(t, encryption.Platform(s).Check())
		for _, e := range s.Environments {
			rs, err := plantest.Try(stackrefs.EnvironmentProject(e.Name), plantest.Suffix, nil, environment.Program, stacks, parameter(approved))
			require.NoError(t, err)
			requireKeyRights(t, s, e, rs)
			requireStages(t, e, rs)
		}
	})
}

func requireKeyRights(t require.TestingT, s settings.Settings, e promotion.Environment, rs []plantest.Resource) {
	keys := map[string]iampolicy.Document{
		plantest.Key(e.Name):        encryption.ForEnvironment(s, e.Name),
		plantest.Key(naming.Shared): encryption.Platform(s),
	}
	asked, differ, err := plantest.UnequalKeyGrants(rs, keys, s.Delivery(), e.Name)
	require.NoError(t, err)
	require.Empty(t, differ)
	require.Positive(t, asked)
}

func requireStages(t *rapid.T, e promotion.Environment, rs []plantest.Resource) {
	i := slices.IndexFunc(rs, func(r plantest.Resource) bool { return r.Type == pipelineType })
	want, mode := []string{"Source", "Build", "Deploy"}, "SUPERSEDED"
	if e.Approval {
		want, mode = []string{"Source", "Build", "Approve", "Deploy"}, "QUEUED"
	}
	var got []string
	for _, stage := range rs[i].Inputs["stages"].([]any) {
		got = append(got, stage.(map[string]any)["name"].(string))
	}
	require.Equal(t, want, got)
	require.Equal(t, mode, rs[i].Text("executionMode"))
}

// TestAnApprovalWithoutATopicIsRefused: shared makes the topic only once an
// environment asks for approvals.
func TestAnApprovalWithoutATopicIsRefused(t *testing.T) {
	t.Parallel()
	all := plantest.Settings().Environments
	all[1].Approval = true
	_, stacks := installation(all)
	withoutTopic := maps.Clone(stacks["shared/"+plantest.Suffix])
	withoutTopic["approvalTopicArn"] = ""
	stacks["shared/"+plantest.Suffix] = withoutTopic
	_, err := plantest.Try("environment-staging", plantest.Suffix, nil, environment.Program, stacks, parameter(approved))
	require.ErrorContains(t, err, "a person approves every deployment to staging, but shared has no topic to ask on")
	require.ErrorContains(t, err, "run: make up PROJECT=shared")
}

func TestAnEnvironmentThatTheSettingsLackIsRefused(t *testing.T) {
	t.Parallel()
	_, err := plantest.Try("environment-qa", plantest.Suffix, nil, environment.Program, stacks(), parameter(approved))
	require.ErrorContains(t, err, "environment qa is not one of the installation's, which are [dev staging prod]: add it with: make environment NAME=qa")
	_, err = plantest.Try("orders", plantest.Suffix, nil, environment.Program, stacks(), parameter(approved))
	require.ErrorContains(t, err, `project "orders" is not named after an environment`)
}

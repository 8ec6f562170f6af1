package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

func TestIdleIsOnlyWhatLeavesTheStateAsItIs(t *testing.T) {
	t.Parallel()
	const urn, provider = "urn:pulumi:dev::p::aws:test/thing:Thing::t", "urn:pulumi:dev::p::pulumi:providers:aws::default_6"
	same := func(change func(*pulumicli.StepState)) pulumicli.Step {
		before, after := pulumicli.StepState{URN: urn, Parent: "root", Provider: provider + "::id"}, pulumicli.StepState{URN: urn, Parent: "root", Provider: provider + "::id"}
		change(&after)
		return pulumicli.Step{Op: opSame, URN: urn, Type: thing, Old: &before, New: &after}
	}
	state := State{options: map[string]pulumicli.ResourceOptions{urn: {Dependencies: []any{"a", "b"}}}}
	goal := func(text string) plan {
		p, err := parsePlan([]byte(`{"resourcePlans":{"` + urn + `":{"steps":["same"],"goal":{` + text + `}}}}`))
		require.NoError(t, err)
		return p
	}
	nothing := goal(`"dependencies":["b","a"],"customTimeouts":{}`)
	for name, c := range map[string]struct {
		step  pulumicli.Step
		plan  plan
		idle  bool
		shown []string
	}{
		"nothing":                     {same(func(*pulumicli.StepState) {}), nothing, true, nil},
		"this run's session":          {pulumicli.Step{Op: opUpdate, URN: provider, Type: "pulumi:providers:aws"}, nothing, true, nil},
		"a read":                      {pulumicli.Step{Op: "read", URN: urn, Type: "pulumi:pulumi:StackReference"}, nothing, true, nil},
		"another default provider":    {pulumicli.Step{Op: opCreate, URN: provider, Type: "pulumi:providers:aws"}, nothing, false, nil},
		"a provider that goes":        {pulumicli.Step{Op: opDelete, URN: provider, Type: "pulumi:providers:aws"}, nothing, false, nil},
		"an update":                   {pulumicli.Step{Op: opUpdate, URN: urn, Type: thing}, nothing, false, nil},
		"another name by an alias":    {same(func(s *pulumicli.StepState) { s.URN += "2" }), nothing, false, nil},
		"another parent":              {same(func(s *pulumicli.StepState) { s.Parent = "other" }), nothing, false, nil},
		"another provider":            {same(func(s *pulumicli.StepState) { s.Provider += "2" }), nothing, false, nil},
		"another dependency":          {same(func(*pulumicli.StepState) {}), goal(`"dependencies":["a"]`), false, nil},
		"protection is shown":         {same(func(s *pulumicli.StepState) { s.Protect = true }), nothing, true, []string{"protect"}},
		"retention is shown":          {same(func(s *pulumicli.StepState) { s.RetainOnDelete = true }), nothing, true, []string{"retainOnDelete"}},
		"another timeout is shown":    {same(func(*pulumicli.StepState) {}), goal(`"dependencies":["a","b"],"customTimeouts":{"create":60}`), true, []string{"customTimeouts"}},
		"protection and a dependency": {same(func(s *pulumicli.StepState) { s.Protect = true }), goal(`"dependencies":["c"]`), false, []string{"protect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.idle, idle([]pulumicli.Step{c.step}, c.plan, state))
			var want []Change
			if c.shown != nil {
				want = []Change{{URN: urn, Op: opOptions, Paths: c.shown}}
			}
			require.Equal(t, want, optionChanges([]pulumicli.Step{c.step}, c.plan, state))
		})
	}
}

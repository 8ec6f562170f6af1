package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/pipeline"
	"delivery.internal/lib/plantest"
)

const (
	connectionARN = "arn:aws:codeconnections:us-east-1:111122223333:connection/aeb9b3c5-0000-4000-8000-000000000000"
	topicARN      = "arn:aws:sns:us-east-1:111122223333:approval-topic-shared-a1b2"
)

// specs are the three environments as lib/environment lays them out.
func specs() map[naming.Environment]pipeline.Spec {
	out := map[naming.Environment]pipeline.Spec{}
	s := plantest.Settings()
	for _, e := range s.Environments {
		spec := pipeline.Spec{Names: s.Namer(e.Name), Mode: e.Mode, Repository: s.Repository, ConnectionARN: connectionARN}
		if e.Approval {
			spec.ApprovalTopicARN = topicARN
		}
		out[e.Name] = spec
	}
	return out
}

func layout(t *testing.T, env naming.Environment) pipeline.Blueprint {
	t.Helper()
	b, err := pipeline.Layout(specs()[env])
	require.NoError(t, err)
	return b
}

func stageNames(b pipeline.Blueprint) []string {
	var out []string
	for _, s := range b.Stages {
		out = append(out, s.Name)
	}
	return out
}

func TestOnlyProductionWaitsForAPerson(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"Source", "Build", "Deploy"}, stageNames(layout(t, naming.Dev)))
	require.Equal(t, []string{"Source", "Build", "Deploy"}, stageNames(layout(t, naming.Staging)))
	require.Equal(t, []string{"Source", "Build", "Approve", "Deploy"}, stageNames(layout(t, naming.Prod)))
}

func TestAnApprovalWaitsTwoDays(t *testing.T) {
	t.Parallel()
	b := layout(t, naming.Prod)
	require.Equal(t, 48*60, b.Stages[2].Actions[0].TimeoutMinutes)
}

// TestResolvedValuesStillFit fills in the longest values that variables can
// have in practice: CodePipeline's limit holds for what the action gets.
func TestResolvedValuesStillFit(t *testing.T) {
	t.Parallel()
	longest := strings.NewReplacer(
		"#{variables.COMMIT}", strings.Repeat("c", 40), "#{SourceVariables.CommitId}", strings.Repeat("c", 40),
		"#{codepipeline.PipelineExecutionId}", strings.Repeat("e", 36), "#{variables.DELIVERY}", strings.Repeat("d", 36),
		"#{variables.PUSHER}", strings.Repeat("p", 39), "#{Preview.DELIVERY_DIGEST}", strings.Repeat("d", 64),
		"#{Preview.DELIVERY_SUMMARY}", strings.Repeat("s", 200),
	)
	s := specs()[naming.Prod]
	s.Repository.Owner, s.Repository.Name = strings.Repeat("o", 39), strings.Repeat("n", 100)
	b, err := pipeline.Layout(s)
	require.NoError(t, err)
	for _, stage := range b.Stages {
		for _, a := range stage.Actions {
			for key, value := range a.Configuration {
				resolved := longest.Replace(value)
				require.NotContains(t, resolved, "#{", "a variable of %s %s is not counted", a.Name, key)
				require.LessOrEqual(t, len(resolved), 1000, "%s %s", a.Name, key)
			}
		}
	}
}

func TestLayoutRefusesWhatTheSettingsLack(t *testing.T) {
	t.Parallel()
	s := specs()[naming.Dev]
	s.ConnectionARN = ""
	_, err := pipeline.Layout(s)
	require.ErrorContains(t, err, "action Source lacks ConnectionArn")
}

func TestValidateSaysWhatCodePipelineWouldRefuse(t *testing.T) {
	t.Parallel()
	action := func(b *pipeline.Blueprint, stage int) *pipeline.Action { return &b.Stages[stage].Actions[0] }
	cases := map[string]struct {
		spoil func(*pipeline.Blueprint)
		want  string
	}{
		"a pipeline with a space":       {func(b *pipeline.Blueprint) { b.Name = "a b" }, `pipeline "a b" is not a name`},
		"parallel executions":           {func(b *pipeline.Blueprint) { b.Mode = "PARALLEL" }, `mode "PARALLEL"`},
		"one stage":                     {func(b *pipeline.Blueprint) { b.Stages = b.Stages[:1] }, "at least two"},
		"a stage twice":                 {func(b *pipeline.Blueprint) { b.Stages[1].Name = "Source" }, `stage "Source" is there twice`},
		"an empty stage":                {func(b *pipeline.Blueprint) { b.Stages[1].Actions = nil }, "stage Build has no action"},
		"a stage without a name":        {func(b *pipeline.Blueprint) { b.Stages[1].Name = "" }, `stage ""`},
		"an action twice":               {func(b *pipeline.Blueprint) { b.Stages[3].Actions = append(b.Stages[3].Actions, b.Stages[3].Actions[0]) }, `action "Deploy/Deploy" is there twice`},
		"order zero":                    {func(b *pipeline.Blueprint) { action(b, 1).Order = 0 }, "order 0"},
		"a source that is not first":    {func(b *pipeline.Blueprint) { b.Stages[0], b.Stages[1] = b.Stages[1], b.Stages[0] }, "holds the source"},
		"an approval among others":      {func(b *pipeline.Blueprint) { b.Stages[3].Actions = append(b.Stages[3].Actions, b.Stages[2].Actions[0]) }, "an approval has a stage of its own"},
		"an approval with an artifact":  {func(b *pipeline.Blueprint) { action(b, 2).Inputs = []string{"Source"} }, "an approval has none"},
		"an approval that never ends":   {func(b *pipeline.Blueprint) { action(b, 2).TimeoutMinutes = 0 }, "waits 0 minutes for an answer: expected 5 to 86400"},
		"an approval of 61 days":        {func(b *pipeline.Blueprint) { action(b, 2).TimeoutMinutes = 61 * 24 * 60 }, "waits 87840 minutes"},
		"a build with a timeout":        {func(b *pipeline.Blueprint) { action(b, 1).TimeoutMinutes = 60 }, "accepts one of approvals only"},
		"an artifact from nowhere":      {func(b *pipeline.Blueprint) { action(b, 1).Inputs = []string{"Other"} }, `artifact "Other", which nothing before it makes`},
		"an artifact from later":        {func(b *pipeline.Blueprint) { b.Stages[1], b.Stages[3] = b.Stages[3], b.Stages[1] }, `artifact "Bundle", which nothing before it makes`},
		"an artifact twice":             {func(b *pipeline.Blueprint) { action(b, 1).Outputs = []string{"Source"} }, `artifact "Source" is there twice`},
		"an artifact with a dot":        {func(b *pipeline.Blueprint) { action(b, 1).Outputs = []string{"a.b"} }, `artifact "a.b" is not a name`},
		"a build without an input":      {func(b *pipeline.Blueprint) { action(b, 1).Inputs = nil }, "a build has 1 to 5 inputs"},
		"a source with an input":        {func(b *pipeline.Blueprint) { action(b, 0).Inputs = []string{"Source"} }, "a source has no input"},
		"two inputs, none primary":      {func(b *pipeline.Blueprint) { delete(action(b, 3).Configuration, pipeline.KeyPrimarySource) }, "expected one of its inputs"},
		"a namespace twice":             {func(b *pipeline.Blueprint) { action(b, 1).Namespace = "SourceVariables" }, `namespace "SourceVariables" of action Preview is taken`},
		"CodePipeline's own namespace":  {func(b *pipeline.Blueprint) { action(b, 1).Namespace = "codepipeline" }, `namespace "codepipeline"`},
		"a namespace with a dot":        {func(b *pipeline.Blueprint) { action(b, 1).Namespace = "a.b" }, `namespace "a.b"`},
		"a variable from nowhere":       {func(b *pipeline.Blueprint) { action(b, 2).Configuration[pipeline.KeyText] = "#{Nobody.X}" }, `"#{Nobody.X}", which nothing before it exports`},
		"a variable with a typo":        {func(b *pipeline.Blueprint) { action(b, 2).Configuration[pipeline.KeyText] = "#{variables.COMIT}" }, `"#{variables.COMIT}"`},
		"a variable that is not closed": {func(b *pipeline.Blueprint) { action(b, 2).Configuration[pipeline.KeyText] = "#{variables.COMMIT" }, `"#{variables.COMMIT", which nothing`},
		"a variable of a later action": {func(b *pipeline.Blueprint) {
			action(b, 0).Configuration[pipeline.KeyBranch] = "#{Preview.DELIVERY_DIGEST}"
		}, "which nothing before it exports"},
		"a value that is too long":        {func(b *pipeline.Blueprint) { action(b, 2).Configuration[pipeline.KeyText] = strings.Repeat("x", 1001) }, "CustomData of 1001 characters"},
		"an empty value":                  {func(b *pipeline.Blueprint) { action(b, 2).Configuration[pipeline.KeyText] = "" }, "CustomData of 0 characters"},
		"a build without a project":       {func(b *pipeline.Blueprint) { delete(action(b, 1).Configuration, pipeline.KeyProject) }, "action Preview lacks ProjectName"},
		"an unknown type":                 {func(b *pipeline.Blueprint) { action(b, 1).Type.Provider = "Jenkins" }, "does not know"},
		"a variable without a default":    {func(b *pipeline.Blueprint) { b.Variables[0].Default = "" }, "default of 0 characters"},
		"a variable twice":                {func(b *pipeline.Blueprint) { b.Variables[1].Name = "COMMIT" }, `variable "COMMIT" is there twice`},
		"a description that is too long":  {func(b *pipeline.Blueprint) { b.Variables[0].Description = strings.Repeat("x", 201) }, "description of 201 characters"},
		"a variable with an illegal name": {func(b *pipeline.Blueprint) { b.Variables[0].Name = "A B" }, `variable "A B"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := layout(t, naming.Prod)
			c.spoil(&b)
			err := b.Validate()
			require.ErrorContains(t, err, "pipeline layout: ")
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestActionsOfOneOrderCanNotReadOneAnother(t *testing.T) {
	t.Parallel()
	b := layout(t, naming.Dev)
	deploy := b.Stages[2].Actions[0]
	b.Stages = b.Stages[:2]
	b.Stages[1].Actions = append(b.Stages[1].Actions, deploy)
	require.ErrorContains(t, b.Validate(), `artifact "Bundle", which nothing before it makes`)
	b.Stages[1].Actions[1].Order = 2
	require.NoError(t, b.Validate())
}

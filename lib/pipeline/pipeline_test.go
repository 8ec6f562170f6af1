package pipeline_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/golden"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/pipeline"
	"delivery.internal/lib/plantest"
)

const pipelineType = "aws:codepipeline/pipeline:Pipeline"

func args(t *testing.T, env naming.Environment) *pipeline.Args {
	t.Helper()
	s := plantest.Settings()
	return &pipeline.Args{
		Names: s.Namer(env), Scope: s.Delivery(), Blueprint: layout(t, env),
		Bucket: s.Namer(env).Of(naming.ArtifactBucket), KeyARN: plantest.Key(env), TopicKeyARN: plantest.Key(naming.Shared),
		Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
	}
}

func program(args *pipeline.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := pipeline.NewPipeline(ctx, "pipeline", args)
		return err
	}
}

func made(t *testing.T, env naming.Environment) []plantest.Resource {
	t.Helper()
	return plantest.Run(t, "environment-"+string(env), plantest.Suffix, nil, program(args(t, env)), nil)
}

// TestThePipelinesAreAsReviewed pins what is sent to AWS for each environment.
func TestThePipelinesAreAsReviewed(t *testing.T) {
	t.Parallel()
	for _, env := range plantest.Settings().Environments.Names() {
		rs := made(t, env)
		plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		require.NoError(t, enc.Encode(plantest.One(t, rs, pipelineType, "").Inputs))
		golden.Require(t, string(env)+".golden.json", got.String(), "a changed pipeline changes the way to production")
	}
}

func TestNoStageRepeatsItself(t *testing.T) {
	t.Parallel()
	for _, env := range plantest.Settings().Environments.Names() {
		for _, stage := range plantest.One(t, made(t, env), pipelineType, "").Inputs["stages"].([]any) {
			require.NotContains(t, stage, "onFailure", "an interrupted update must be looked at, not repeated")
		}
	}
}

func TestTheRoleMayDoWhatTheActionsNeedAndNoMore(t *testing.T) {
	t.Parallel()
	for env, want := range map[naming.Environment]map[string][]string{
		naming.Dev: {
			"ArtifactBucket": {"arn:aws:s3:::artifact-bucket-dev-a1b2"},
			"Artifacts":      {"arn:aws:s3:::artifact-bucket-dev-a1b2/*"},
			"ArtifactKey":    {plantest.Key(naming.Dev)},
			"Source":         {connectionARN},
			"Builds": {"arn:aws:codebuild:us-east-1:111122223333:project/preview-project-dev-a1b2",
				"arn:aws:codebuild:us-east-1:111122223333:project/deploy-project-dev-a1b2"},
		},
		naming.Prod: {
			"ArtifactBucket": {"arn:aws:s3:::artifact-bucket-prod-a1b2"},
			"Artifacts":      {"arn:aws:s3:::artifact-bucket-prod-a1b2/*"},
			"ArtifactKey":    {plantest.Key(naming.Prod)},
			"Source":         {connectionARN},
			"Builds": {"arn:aws:codebuild:us-east-1:111122223333:project/preview-project-prod-a1b2",
				"arn:aws:codebuild:us-east-1:111122223333:project/deploy-project-prod-a1b2"},
			"Approvals":   {topicARN},
			"ApprovalKey": {plantest.Key(naming.Shared)},
		},
	} {
		got := map[string][]string{}
		for _, p := range plantest.Policies(t, made(t, env)) {
			if p.Key == "policy" {
				for _, s := range p.Document.Statement {
					got[s.Sid] = s.Resource
				}
			}
		}
		require.Equal(t, want, got)
	}
}

func TestAPipelineIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*pipeline.Args){
		"nowhere to keep artifacts":  func(a *pipeline.Args) { a.KeyARN = "" },
		"set TopicKeyARN to the key": func(a *pipeline.Args) { a.TopicKeyARN = "" },
		"at least two":               func(a *pipeline.Args) { a.Blueprint.Stages = nil },
	} {
		a := args(t, naming.Prod)
		spoil(a)
		rs, err := plantest.Try("environment-prod", plantest.Suffix, nil, program(a), nil)
		require.ErrorContains(t, err, want)
		require.Empty(t, plantest.OfType(rs, pipelineType))
	}
	_, err := plantest.Try("environment-prod", plantest.Suffix, nil, program(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}

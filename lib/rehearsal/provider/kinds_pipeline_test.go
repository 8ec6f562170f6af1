package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const labSpec = `version: "0.2"
env:
  exported-variables: [SUMMARY]
phases:
  build:
    on-failure: ABORT
    commands: ["true"]
`

// labProject are the inputs of a project in a pipeline.
func labProject(l *lab) map[string]any {
	return map[string]any{
		"name": "preview", "serviceRole": l.role("build", "codebuild.amazonaws.com").ARN,
		"source": map[string]any{"type": "CODEPIPELINE", "buildspec": labSpec}, "artifacts": map[string]any{"type": "CODEPIPELINE"},
		"environment": map[string]any{"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_LARGE", "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0"},
	}
}

func TestProjectsAreRefusedAsCodeBuildRefusesThem(t *testing.T) {
	t.Parallel()
	good := labProject(newLab(t))
	environment := func(changes map[string]any) map[string]any {
		return map[string]any{"environment": changed(good["environment"].(map[string]any), changes)}
	}
	variables := func(names ...string) map[string]any {
		var out []any
		for _, n := range names {
			out = append(out, map[string]any{"name": n, "value": "x"})
		}
		return environment(map[string]any{"environmentVariables": out})
	}
	refuses(t, typetoken.Project, good, []refusal{
		{"artifacts", map[string]any{"artifacts": map[string]any{"type": "NO_ARTIFACTS"}}, "both are CODEPIPELINE"},
		{"no source", map[string]any{"source": map[string]any{"type": "NO_SOURCE"}, "artifacts": map[string]any{"type": "NO_ARTIFACTS"}}, "buildspec is required"},
		{"no location", map[string]any{"source": map[string]any{"type": "S3"}, "artifacts": map[string]any{"type": "NO_ARTIFACTS"}}, "location is required"},
		{"compute", environment(map[string]any{"computeType": "BUILD_LAMBDA_1GB"}), "is not available for LINUX_CONTAINER"},
		{"credentials", environment(map[string]any{"imagePullCredentialsType": "SERVICE_ROLE"}), "pulled with CODEBUILD"},
		{"variable twice", variables("A", "A"), "twice"},
		{"reserved variable", variables("CODEBUILD_X"), "reserved"},
		{"variable name", variables("A-B"), "expected text that matches"},
		{"timeout", map[string]any{"buildTimeout": 4.0}, "expected 5 to 2160"},
		{"cache", map[string]any{"cache": map[string]any{"type": "LOCAL"}}, "cache.modes"},
		{"buildspec", map[string]any{"source": map[string]any{"type": "CODEPIPELINE", "buildspec": "version: 0.2\nphase: {}\n"}}, "unknown key phase"},
	})
}

func TestAProjectNeedsItsRoleAndItsImage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := labProject(l)
	_, err := l.try(typetoken.Project, changed(in, map[string]any{"serviceRole": l.role("other", "lambda.amazonaws.com").ARN}))
	require.ErrorContains(t, err, "codebuild.amazonaws.com cannot assume")
	digest := "sha256:" + strings.Repeat("a", 64)
	image := changed(in["environment"].(map[string]any), map[string]any{"image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/image@" + digest})
	ours := changed(in, map[string]any{"environment": image})
	_, err = l.try(typetoken.Project, ours)
	require.ErrorContains(t, err, "no repository image")
	l.make(typetoken.Repository, map[string]any{"name": "image"})
	_, err = l.try(typetoken.Project, ours)
	require.ErrorContains(t, err, "ImageNotFoundException")
	l.c.AddImage(labAccount, "image", digest, "v1")
	p := l.make(typetoken.Project, ours)
	require.Equal(t, p.ARN, p.ID)
	_, err = l.try(typetoken.Project, changed(ours, map[string]any{"name": "second", "logsConfig": map[string]any{"cloudwatchLogs": map[string]any{"groupName": "none"}}}))
	require.ErrorContains(t, err, "groupName")
}

// labAction is an action of a pipeline.
func labAction(category, provider, name string, configuration map[string]any, more map[string]any) map[string]any {
	return changed(map[string]any{"name": name, "category": category, "owner": "AWS", "provider": provider, "version": "1", "configuration": configuration}, more)
}

func labStage(name string, actions ...any) map[string]any {
	return map[string]any{"name": name, "actions": actions}
}

const labConnection = "arn:aws:codeconnections:us-east-1:111122223333:connection/none"

func labSource(connection string) map[string]any {
	return labAction("Source", "CodeStarSourceConnection", "Source",
		map[string]any{"ConnectionArn": connection, "FullRepositoryId": "acme/infra", "BranchName": "main", "DetectChanges": "false"},
		map[string]any{"outputArtifacts": []any{"Source"}, "namespace": "SourceVariables"})
}

func labBuild(configuration, more map[string]any) map[string]any {
	return labAction("Build", "CodeBuild", "Preview", changed(map[string]any{"ProjectName": "preview"}, configuration),
		changed(map[string]any{"inputArtifacts": []any{"Source"}, "outputArtifacts": []any{"Bundle"}, "namespace": "Preview"}, more))
}

func labApproval(text string) map[string]any {
	return labAction("Approval", "Manual", "Approve", map[string]any{"CustomData": text}, nil)
}

func labPipeline(role string, stages ...any) map[string]any {
	return map[string]any{
		"name": "p", "roleArn": role, "pipelineType": "V2", "executionMode": "QUEUED",
		"artifactStores": []any{map[string]any{"type": "S3", "location": "artifacts"}},
		"variables":      []any{map[string]any{"name": "COMMIT", "defaultValue": "none"}}, "stages": stages,
	}
}

func TestPipelinesAreRefusedAsCodePipelineRefusesThem(t *testing.T) {
	t.Parallel()
	source, build := labStage("Source", labSource(labConnection)), labStage("Build", labBuild(nil, nil))
	stages := func(s ...any) map[string]any { return map[string]any{"stages": s} }
	with := func(configuration, more map[string]any) map[string]any {
		return stages(source, labStage("Build", labBuild(configuration, more)))
	}
	refuses(t, typetoken.Pipeline, labPipeline("arn", source, build, labStage("Approve", labApproval("#{variables.COMMIT} #{Preview.SUMMARY} #{codepipeline.PipelineExecutionId}"))), []refusal{
		{"one stage", stages(source), "expected 2 to 50"},
		{"stage twice", stages(source, build, build), "is there twice"},
		{"no source", stages(build, source), "first stage holds source actions"},
		{"artifact", with(nil, map[string]any{"inputArtifacts": []any{"Other"}}), "not declared as Output Artifact"},
		{"artifact twice", with(nil, map[string]any{"outputArtifacts": []any{"Source"}}), "must be unique"},
		{"not an input", with(nil, map[string]any{"inputArtifacts": nil}), "0 input artifacts"},
		{"namespace", with(nil, map[string]any{"namespace": "SourceVariables"}), "is taken"},
		{"key", with(map[string]any{"Project": "x"}, nil), "unknown configuration key Project"},
		{"missing key", with(map[string]any{"ProjectName": nil}, nil), "lacks the configuration key ProjectName"},
		{"long", with(map[string]any{"EnvironmentVariables": strings.Repeat("x", 1001)}, nil), "1001 characters"},
		{"variables", with(map[string]any{"EnvironmentVariables": "x"}, nil), "not a JSON list"},
		{"variable type", with(map[string]any{"EnvironmentVariables": `[{"name":"A","value":"x","type":"SECRET"}]`}, nil), "expected one of PLAINTEXT"},
		{"primary", with(map[string]any{"PrimarySource": "x"}, nil), "one of its input artifacts"},
		{"undeclared variable", with(map[string]any{"EnvironmentVariables": `[{"name":"A","value":"#{variables.OTHER}"}]`}, nil), "#{variables.OTHER}"},
		{"source variable", with(map[string]any{"EnvironmentVariables": `[{"name":"A","value":"#{SourceVariables.Commit}"}]`}, nil), "which no action before it makes"},
		{"version", with(nil, map[string]any{"version": "2"}), "does not know"},
		{"timeout", with(nil, map[string]any{"timeoutInMinutes": 10.0}), "belongs to approvals"},
		{"order", with(nil, map[string]any{"runOrder": 1000.0}), "expected 1 to 999"},
		{"V1", map[string]any{"pipelineType": "V1"}, "need pipelineType V2"},
		{"empty default", map[string]any{"variables": []any{map[string]any{"name": "COMMIT", "defaultValue": ""}}}, "0 characters"},
		{"trigger", map[string]any{"triggers": []any{map[string]any{"providerType": "CodeStarSourceConnection", "gitConfiguration": map[string]any{"sourceActionName": "Other"}}}}, "does not exist"},
		{"repository", stages(labStage("Source", changed(labSource(labConnection), map[string]any{"configuration": map[string]any{"ConnectionArn": labConnection, "FullRepositoryId": "infra", "BranchName": "main"}})), build), "owner/name"},
	})
}

func TestAPipelineNeedsWhatItsActionsName(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	role := l.role("pipeline", pipelineService).ARN
	pipeline := func(connection, text string) map[string]any {
		return labPipeline(role, labStage("Source", labSource(connection)), labStage("Build", labBuild(nil, nil)), labStage("Approve", labApproval(text)))
	}
	_, err := l.try(typetoken.Pipeline, pipeline(labConnection, "x"))
	require.ErrorContains(t, err, "artifactStores[0].location")
	l.bucket("artifacts")
	_, err = l.try(typetoken.Pipeline, pipeline(labConnection, "x"))
	require.ErrorContains(t, err, "ConnectionArn")
	require.ErrorContains(t, err, "ProjectName")
	connection := l.make(typetoken.Connection, map[string]any{"name": "source", "providerType": "GitHub"})
	require.Equal(t, "PENDING", connection.Str("connectionStatus"))
	require.Equal(t, connection.ID, connection.ARN)
	l.make(typetoken.Project, labProject(l))
	_, err = l.try(typetoken.Pipeline, pipeline(connection.ARN, "#{Preview.DIGEST}"))
	require.ErrorContains(t, err, "exports only [SUMMARY]")
	_, err = l.try(typetoken.Pipeline, changed(pipeline(connection.ARN, "x"), map[string]any{"roleArn": l.role("other", "lambda.amazonaws.com").ARN}))
	require.ErrorContains(t, err, "codepipeline.amazonaws.com cannot assume")
	p := l.make(typetoken.Pipeline, pipeline(connection.ARN, "#{Preview.SUMMARY}"))
	require.Equal(t, "arn:aws:codepipeline:us-east-1:111122223333:p", p.ARN)
}

// A person completes the handshake; a later update must not undo it.
func TestAnUpdateKeepsTheStatusOfAConnection(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := map[string]any{"name": "source", "providerType": "GitHub"}
	c := l.make(typetoken.Connection, in)
	l.c.Update(c.Account, c.Type, c.ID, func(r *cloud.Resource) {
		r.Outputs = changed(r.Outputs, map[string]any{"connectionStatus": "AVAILABLE"})
	})
	c, err := l.update(c, changed(in, map[string]any{"tags": map[string]any{"a": "b"}}))
	require.NoError(t, err)
	require.Equal(t, "AVAILABLE", c.Str("connectionStatus"))
	require.Contains(t, l.plan(typetoken.Connection, map[string]any{"name": strings.Repeat("x", 33), "providerType": "GitHub"}), "expected 1 to 32")
	require.Contains(t, l.plan(typetoken.Connection, map[string]any{"name": "x"}), "is required")
}

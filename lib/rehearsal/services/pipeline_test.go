package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// host is a source host with one repository.
type host struct {
	mu    sync.Mutex
	files map[string]string
	gate  chan struct{} // where set, an archive waits for it
	asked []string
}

const headCommit = "1111111111111111111111111111111111111111"

func (h *host) Archive(ctx context.Context, repository, at string) ([]byte, string, error) {
	h.mu.Lock()
	h.asked = append(h.asked, at)
	gate := h.gate
	h.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
	if repository != "acme/infra" {
		return nil, "", errors.New("no such repository")
	}
	if at == "main" {
		at = headCommit
	}
	return zippedFiles(h.files), at, nil
}

func (h *host) Describe(string, string) (string, time.Time, bool) {
	return "a message", time.Unix(0, 0), true
}

const (
	connectionARN = "arn:aws:codeconnections:us-east-1:" + account + ":connection/c"
	pipelineARN   = "arn:aws:codepipeline:us-east-1:" + account + ":pipe"
	projectARN    = "arn:aws:codebuild:us-east-1:" + account + ":project/"
	repository    = "arn:aws:ecr:us-east-1:" + account + ":repository/image"
	digest        = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
)

// platform deploys everything around a pipeline.
type platform struct {
	*world
	host  *host
	role  string
	topic string
}

func newPlatform(t *testing.T, change ...func(*Options)) *platform {
	h := &host{files: map[string]string{"hello.txt": "hello", "run.sh": "echo run"}}
	w := newWorld(t, append([]func(*Options){func(o *Options) { o.Source = h }}, change...)...)
	p := &platform{world: w, host: h}
	w.key()
	w.bucket("artifacts")
	w.add("aws:codeconnections/connection:Connection", connectionARN, connectionARN, props{"name": "c", "connectionStatus": "AVAILABLE"})
	w.add(typetoken.Repository, "image", repository, props{"name": "image"})
	w.add(typetoken.RepositoryPolicy, "image", "", props{"repository": "image", "policy": policy(statement(service(codebuildService), pullActions, nil,
		props{"StringLike": props{"aws:SourceArn": projectARN + "*"}}))})
	w.c.AddImage(account, "image", digest, "t")
	p.topic = w.topic("approvals")
	p.role = w.role("pipeline-role", pipelineService,
		statement(nil, []string{"s3:GetBucketVersioning", "s3:GetBucketAcl", "s3:GetBucketLocation"}, "arn:aws:s3:::artifacts", nil),
		statement(nil, []string{"s3:PutObject", "s3:PutObjectAcl"}, "arn:aws:s3:::artifacts/*", nil),
		statement(nil, []string{"kms:Decrypt", "kms:GenerateDataKey"}, keyARN, nil),
		statement(nil, "codeconnections:UseConnection", connectionARN, nil),
		statement(nil, []string{"codebuild:StartBuild", "codebuild:BatchGetBuilds"}, []string{projectARN + "preview", projectARN + "deploy"}, nil),
		statement(nil, "sns:Publish", p.topic, nil))
	return p
}

// project deploys a CodeBuild project with an inline buildspec.
func (p *platform) project(name, spec string, inputs props) {
	group := p.logGroup(name + "-logs")
	role := p.world.role(name+"-role", codebuildService,
		statement(nil, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, group+":*", nil),
		statement(nil, []string{"s3:GetBucketAcl", "s3:GetBucketLocation"}, "arn:aws:s3:::artifacts", nil),
		statement(nil, []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}, "arn:aws:s3:::artifacts/*", nil),
		statement(nil, []string{"kms:Decrypt", "kms:GenerateDataKey"}, keyARN, nil))
	all := props{
		"name": name, "serviceRole": role, "source": props{"type": "CODEPIPELINE", "buildspec": spec}, "artifacts": props{"type": "CODEPIPELINE"},
		"environment": props{"image": account + ".dkr.ecr.us-east-1.amazonaws.com/image@" + digest, "imagePullCredentialsType": "CODEBUILD",
			"environmentVariables": []props{{"name": "FROM_PROJECT", "value": "project", "type": "PLAINTEXT"}, {"name": "COMMIT", "value": "none", "type": "PLAINTEXT"}}},
		"logsConfig": props{"cloudwatchLogs": props{"status": "ENABLED", "groupName": name + "-logs"}},
	}
	for k, v := range inputs {
		all[k] = v
	}
	p.add(typetoken.Project, projectARN+name, projectARN+name, all)
}

func sourceStage() props {
	return props{"name": "Source", "actions": []props{{"name": "Source", "category": "Source", "owner": "AWS", "provider": "CodeStarSourceConnection", "version": "1",
		"namespace": "SourceVariables", "outputArtifacts": []string{"Source"}, "configuration": props{
			"ConnectionArn": connectionARN, "FullRepositoryId": "acme/infra", "BranchName": "main", "OutputArtifactFormat": "CODE_ZIP", "DetectChanges": "false"}}}}
}

func buildStage(name, project string, inputs, outputs []string, namespace string, variables ...environmentVariable) props {
	text, _ := json.Marshal(variables)
	a := props{"name": project, "category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1", "inputArtifacts": inputs, "outputArtifacts": outputs,
		"configuration": props{"ProjectName": project, "PrimarySource": "Source", "EnvironmentVariables": string(text)}}
	if namespace != "" {
		a["namespace"] = namespace
	}
	return props{"name": name, "actions": []props{a}}
}

func (p *platform) approvalStage() props {
	return props{"name": "Approve", "actions": []props{{"name": "Approve", "category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1",
		"configuration": props{"NotificationArn": p.topic, "CustomData": "Deploy #{variables.COMMIT}? #{Preview.SUMMARY}"}}}}
}

func (p *platform) pipeline(mode string, stages ...props) {
	p.t.Helper()
	r := &cloud.Resource{Type: typetoken.Pipeline, ID: "pipe", Account: account, ARN: pipelineARN, Name: "pipe", Inputs: normal(p.t, props{
		"name": "pipe", "roleArn": p.role, "pipelineType": "V2", "executionMode": mode, "stages": stages,
		"artifactStores": []props{{"location": "artifacts", "type": "S3", "encryptionKey": props{"id": keyARN, "type": "KMS"}}},
		"variables":      []props{{"name": "COMMIT", "defaultValue": "none"}},
	})}
	require.NoError(p.t, p.c.Add(r))
}

// start starts the pipeline for a commit.
func (p *platform) startAt(commit string) (string, error) {
	in, err := readStart(fmt.Sprintf(`{"sourceRevisions":[{"actionName":"Source","revisionType":"COMMIT_ID","revisionValue":%q}],"variables":[{"name":"COMMIT","value":%q}]}`, commit, commit))
	require.NoError(p.t, err)
	return p.start(pipelineARN, start{Start: in, trigger: "test"})
}

func (p *platform) ended(commit string) Execution {
	p.t.Helper()
	e, err := p.Wait(p.t.Context(), "pipe", func(e Execution) bool { return e.Variables["COMMIT"] == commit && e.Status != InProgress })
	require.NoError(p.t, err)
	return e
}

func zippedFiles(files map[string]string) []byte { return zipped(&testing.T{}, files) }

const previewSpec = `
version: "0.2"
env:
  exported-variables: [SUMMARY]
phases:
  build:
    on-failure: ABORT
    commands:
      - mkdir -p .bundle/deep && cat hello.txt > .bundle/deep/plan && export SUMMARY="2 changes of $COMMIT"
artifacts:
  base-directory: .bundle
  files: ["**/*"]
`

const deploySpec = `
version: 0.2
phases:
  build:
    commands:
      - test "$(cat "$CODEBUILD_SRC_DIR_Bundle/deep/plan")" = hello
      - echo deployed "$COMMIT" of "$FETCHED" in "$EXECUTION"
`

// whole deploys a pipeline with all kinds of actions.
func (p *platform) whole(mode string) {
	p.project("preview", previewSpec, nil)
	p.project("deploy", deploySpec, nil)
	p.pipeline(mode, sourceStage(),
		buildStage("Build", "preview", []string{"Source"}, []string{"Bundle"}, "Preview", environmentVariable{"COMMIT", "#{variables.COMMIT}", "PLAINTEXT"}),
		p.approvalStage(),
		buildStage("Deploy", "deploy", []string{"Source", "Bundle"}, nil, "", environmentVariable{"COMMIT", "#{variables.COMMIT}", "PLAINTEXT"},
			environmentVariable{"FETCHED", "#{SourceVariables.CommitId}", "PLAINTEXT"}, environmentVariable{"EXECUTION", "#{codepipeline.PipelineExecutionId}", "PLAINTEXT"}))
}

func commitOf(n int) string { return strings.Repeat(fmt.Sprint(n), 40) }

func TestACommitGoesThroughThePipeline(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	waits, err := p.WaitApproval(t.Context(), func(a Approval) bool { return true })
	require.NoError(t, err, "creating a pipeline starts it")
	require.Contains(t, waits.CustomData, "Deploy none? 2 changes of none")
	require.NoError(t, p.Decide(p.c.Operator(account), waits, false, "not this one"))
	first := p.ended("none")
	require.Equal(t, Failed, first.Status)
	require.Contains(t, first.Reason, "not this one")
	require.Equal(t, "CreatePipeline", first.Trigger)

	_, err = p.startAt(commitOf(2))
	require.NoError(t, err)
	p.idle() // it waits for a person
	require.Len(t, p.PendingApprovals(), 1)
	waits = p.PendingApprovals()[0]
	require.Equal(t, "Deploy "+commitOf(2)+"? 2 changes of "+commitOf(2), waits.CustomData)
	require.ErrorContains(t, p.PutApprovalResult(nil, "pipe", "Approve", "Approve", "wrong", "Approved", ""), "InvalidApprovalToken")
	require.NoError(t, p.Decide(p.c.Operator(account), waits, true, "fine"))
	e := p.ended(commitOf(2))
	require.Equal(t, Succeeded, e.Status, e.Reason)
	require.Equal(t, commitOf(2), e.Commit)
	require.Equal(t, "fine", e.Action("Approve").Summary)
	require.Equal(t, "a message", e.Action("Source").Outputs["CommitMessage"])
	require.Equal(t, map[string]string{"SUMMARY": "2 changes of " + commitOf(2)}, e.Action("preview").Outputs)
	bundle, err := p.ReadArtifact(e.ID, "Bundle")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"deep/plan": "hello"}, unzipped(t, bundle))
	require.Contains(t, strings.Join(p.said("buildlog"), "\n"), "deployed "+commitOf(2)+" of "+commitOf(2)+" in "+e.ID)
	_, denied := p.c.Counts()
	require.Empty(t, denied)
	p.checkMessages(t)
}

// checkMessages looks at what was told of two executions.
func (p *platform) checkMessages(t *testing.T) {
	p.idle()
	n := p.Notifications()
	require.Len(t, n, 2)
	require.Equal(t, "APPROVAL NEEDED: AWS CodePipeline pipe for action Approve", n[1].Subject)
	var body struct{ Approval map[string]any }
	require.NoError(t, json.Unmarshal([]byte(n[1].Body), &body))
	require.Equal(t, "pipe", body.Approval["pipelineName"])
	states := []string{}
	for _, e := range p.c.Journal.Events("event") {
		if e.Fields["detailType"] == "CodePipeline Pipeline Execution State Change" {
			states = append(states, fmt.Sprint(cloud.Lookup(e.Fields, "detail.state")))
		}
	}
	require.Equal(t, []string{"STARTED", "FAILED", "STARTED", "SUCCEEDED"}, states)
	require.Len(t, p.PipelineExecutions(pipelineARN), 2)
	require.Equal(t, Succeeded, p.PipelineState(pipelineARN)[3].Status)
}

func TestAStartMustBeValid(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	for in, text := range map[string]string{
		`{"variables":[{"name":"OTHER","value":"x"}]}`:                                                    "'OTHER' is not defined",
		`{"variables":[{"name":"COMMIT","value":""}]}`:                                                    "has 0 characters",
		`{"sourceRevisions":[{"actionName":"Build","revisionType":"COMMIT_ID","revisionValue":"x"}]}`:     "not a source action",
		`{"sourceRevisions":[{"actionName":"Source","revisionType":"IMAGE_DIGEST","revisionValue":"x"}]}`: "COMMIT_ID",
		`{"sourceRevisions":[{"actionName":"Source","revisionType":"COMMIT_ID","revisionValue":""}]}`:     "has 0 characters",
	} {
		read, err := readStart(in)
		require.NoError(t, err)
		_, err = p.start(pipelineARN, start{Start: read})
		require.ErrorContains(t, err, text)
	}
	_, err := p.start(pipelineARN+"x", start{})
	require.ErrorContains(t, err, "PipelineNotFoundException")
}

func TestQueuedExecutionsWaitForTheStage(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	for n := 1; n <= 3; n++ {
		_, err := p.startAt(commitOf(n))
		require.NoError(t, err)
	}
	for _, commit := range []string{"none", commitOf(1), commitOf(2), commitOf(3)} {
		waits, err := p.WaitApproval(t.Context(), func(Approval) bool { return true })
		require.NoError(t, err)
		p.idle()
		require.Len(t, p.PendingApprovals(), 1, "the others wait before the stage")
		require.Contains(t, waits.CustomData, commit)
		require.NoError(t, p.Decide(p.c.Operator(account), waits, true, ""))
		require.Equal(t, Succeeded, p.ended(commit).Status)
	}
}

func TestALaterExecutionSupersedesAWaitingOne(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.host.gate = make(chan struct{})
	p.whole("SUPERSEDED")
	for n := 1; n <= 3; n++ {
		_, err := p.startAt(commitOf(n))
		require.NoError(t, err)
	}
	require.Equal(t, Superseded, p.ended(commitOf(1)).Status)
	require.Equal(t, Superseded, p.ended(commitOf(2)).Status)
	close(p.host.gate)
	for _, commit := range []string{"none", commitOf(3)} {
		waits, err := p.WaitApproval(t.Context(), func(a Approval) bool { return strings.Contains(a.CustomData, commit) })
		require.NoError(t, err, "the one that is in the stage stays")
		require.NoError(t, p.Decide(p.c.Operator(account), waits, true, ""))
		require.Equal(t, Succeeded, p.ended(commit).Status)
	}
}

func TestAFailingBuildStopsThePipeline(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.project("preview", "version: 0.2\nphases:\n  build:\n    on-failure: ABORT\n    commands:\n      - echo it breaks; exit 7\n", nil)
	p.pipeline("QUEUED", sourceStage(), buildStage("Build", "preview", []string{"Source"}, nil, ""), p.approvalStage())
	e := p.ended("none")
	require.Equal(t, Failed, e.Status)
	require.Contains(t, e.Reason, "exit status 7")
	require.Contains(t, e.Action("preview").Error, "Phase: BUILD")
	require.Nil(t, e.Stage("Approve"))
	b, ok := p.Build(e.Action("preview").External)
	require.True(t, ok)
	require.Equal(t, buildFailed, b.Status)
	require.Contains(t, p.said("buildlog"), "it breaks")
}

func TestWhatAPipelineIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*platform)
		text   string
	}{
		"a pending connection": {func(p *platform) {
			p.c.Update(account, "aws:codeconnections/connection:Connection", connectionARN, func(r *cloud.Resource) { r.Outputs = props{"connectionStatus": "PENDING"} })
		}, "it is PENDING"},
		"no right to the connection":             {func(p *platform) { p.forget("pipeline-role:p", "codeconnections:UseConnection") }, "codeconnections:UseConnection"},
		"no right to build":                      {func(p *platform) { p.forget("pipeline-role:p", "codebuild:StartBuild") }, "codebuild:StartBuild"},
		"no right to the bucket":                 {func(p *platform) { p.forget("pipeline-role:p", "s3:PutObject") }, "s3:PutObject"},
		"no right to the key":                    {func(p *platform) { p.forget("pipeline-role:p", "kms:GenerateDataKey") }, "kms:GenerateDataKey"},
		"no right to the topic":                  {func(p *platform) { p.forget("pipeline-role:p", "sns:Publish") }, "sns:Publish"},
		"a build without its log":                {func(p *platform) { p.c.Remove(account, typetoken.LogGroup, "preview-logs") }, "logs:CreateLogGroup"},
		"a build without its image":              {func(p *platform) { p.c.Remove(account, typetoken.Image, "image@"+digest) }, "does not hold this image"},
		"an image out of reach":                  {func(p *platform) { p.c.Remove(account, typetoken.RepositoryPolicy, "image") }, "Unable to pull"},
		"a build that can't read":                {func(p *platform) { p.forget("preview-role:p", "s3:GetObject") }, "s3:GetObject"},
		"a build that can't identify its bucket": {func(p *platform) { p.forget("preview-role:p", "s3:GetBucketAcl") }, "s3:GetBucketAcl"},
		"a build that can't write":               {func(p *platform) { p.forget("preview-role:p", "s3:PutObject") }, "s3:PutObject"},
		"a variable that is not set": {func(p *platform) {
			p.c.Update(account, typetoken.Project, projectARN+"preview", func(r *cloud.Resource) {
				r.Inputs = normal(p.t, r.Inputs)
				r.Inputs["source"].(props)["buildspec"] = strings.Replace(previewSpec, "export SUMMARY", "export OTHER", 1)
			})
		}, "#{Preview.SUMMARY} in CustomData"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.project("preview", previewSpec, nil)
			tc.change(p)
			p.pipeline("QUEUED", sourceStage(), buildStage("Build", "preview", []string{"Source"}, []string{"Bundle"}, "Preview"), p.approvalStage())
			e := p.ended("none")
			require.Equal(t, Failed, e.Status)
			require.Contains(t, e.Reason, tc.text)
		})
	}
}

// forget takes an action out of a policy.
func (p *platform) forget(policyID, action string) {
	p.c.Update(account, typetoken.RolePolicy, policyID, func(r *cloud.Resource) {
		text := r.Str("policy")
		require.Contains(p.t, text, `"`+action+`"`)
		r.Inputs = props{"role": r.Str("role"), "name": r.Str("name"), "policy": strings.Replace(text, `"`+action+`"`, `"sts:GetCallerIdentity"`, 1)}
	})
}

func TestAnEventStartsThePipelineWithItsRole(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trust   props
		refused string
	}{
		"the rule":     {props{"ArnEquals": props{"aws:SourceArn": ruleOf("mine")}}, ""},
		"another rule": {props{"ArnEquals": props{"aws:SourceArn": ruleOf("other")}}, "sts:AssumeRole"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.whole("QUEUED")
			role := p.world.role("start-role", eventsService, statement(nil, "codepipeline:StartPipelineExecution", pipelineARN, nil))
			p.c.Update(account, typetoken.Role, "start-role", func(r *cloud.Resource) {
				r.Inputs = props{"name": "start-role", "assumeRolePolicy": policy(statement(service(eventsService), "sts:AssumeRole", nil, tc.trust))}
			})
			p.rule("mine", `{"source":["test"]}`, props{"arn": pipelineARN, "roleArn": role, "inputTransformer": props{"inputPaths": props{"c": "$.detail.commit"},
				"inputTemplate": `{"sourceRevisions":[{"actionName":"Source","revisionType":"COMMIT_ID","revisionValue":"<c>"}],"variables":[{"name":"COMMIT","value":"<c>"}]}`}})
			p.emit(`{"commit":"` + commitOf(5) + `"}`)
			p.idle()
			if tc.refused != "" {
				require.Len(t, p.said("denied", tc.refused), 1)
				require.Len(t, p.Executions("pipe"), 1)
				return
			}
			require.Len(t, p.Executions("pipe"), 2)
			started := p.Executions("pipe")[1]
			require.Equal(t, "CloudWatchEvent", started.Trigger)
			require.Equal(t, "none", started.Variables["COMMIT"], "no variable reaches a pipeline whose source is a connection")
			require.NotEqual(t, commitOf(5), started.Commit, "nor does a revision")
			require.Len(t, p.said("rule", "the input is dropped"), 1)
		})
	}
}

func TestNobodyAnswersAnApproval(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	p := newPlatform(t)
	p.c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	p.whole("QUEUED")
	_, err := p.WaitApproval(t.Context(), func(Approval) bool { return true })
	require.NoError(t, err)
	mu.Lock()
	now = now.Add(8 * 24 * time.Hour)
	mu.Unlock()
	p.Wake()
	e := p.ended("none")
	require.Contains(t, e.Reason, "nobody answered within 168h")
	require.Empty(t, p.PendingApprovals())
}

func TestRemovingAPipelineEndsItsExecutions(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	_, err := p.startAt(commitOf(1))
	require.NoError(t, err)
	_, err = p.WaitApproval(t.Context(), func(Approval) bool { return true })
	require.NoError(t, err)
	p.c.Remove(account, typetoken.Pipeline, "pipe")
	p.idle()
	require.Len(t, p.said("pipeline", "stopped: the pipeline was removed"), 2)
	require.Empty(t, p.PendingApprovals())
}

func TestWaitingForWhatNeverComesEnds(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	_, err := p.Wait(t.Context(), "pipe", func(e Execution) bool { return e.Commit == "another" })
	require.ErrorContains(t, err, "nothing is running any more")
	_, err = p.WaitApproval(t.Context(), func(a Approval) bool { return a.Pipeline == "another" })
	require.ErrorContains(t, err, "nothing is running any more")
}

func TestConditionsOfStagesAreNotIgnored(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	stage := sourceStage()
	stage["onFailure"] = props{"result": "RETRY"}
	p.pipeline("QUEUED", stage, p.approvalStage())
	require.Len(t, p.said("pipeline", "has conditions, which the local cloud does not play"), 1)
	require.Empty(t, p.Executions("pipe"))
}

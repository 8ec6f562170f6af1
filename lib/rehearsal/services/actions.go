package services

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/rehearsal/cloud"
)

// fetchSource fetches the source through a connection.
func (a *action) fetchSource(ctx context.Context) (map[string]string, error) {
	c := a.Configuration
	if len(a.Outputs) != 1 {
		return nil, fail("ActionConfigurationError", "a source action has exactly one output artifact, %s has %d", a.Name, len(a.Outputs))
	}
	if f := c["OutputArtifactFormat"]; f != "" && f != "CODE_ZIP" {
		return nil, fail("NotPlayed", "the output format %s is not played by the local cloud: expected CODE_ZIP", f)
	}
	if err := a.useConnection(); err != nil {
		return nil, err
	}
	host := a.emulator.o.Source
	if host == nil {
		return nil, fail("NotPlayed", "the local cloud has no source host")
	}
	at := a.e.revisions[a.Name]
	if at == "" {
		at = c["BranchName"]
	}
	data, commit, err := host.Archive(ctx, c["FullRepositoryId"], at)
	if err != nil {
		return nil, fail("ActionError", "the source of %s at %s can't be fetched: %v", c["FullRepositoryId"], at, err)
	}
	if err := a.openStore(); err != nil {
		return nil, err
	}
	if err := a.writeArtifact(a.Outputs[0], data); err != nil {
		return nil, err
	}
	a.emulator.change(func() {
		if a.e.Commit == "" {
			a.e.Commit = commit
		}
	})
	out := map[string]string{
		"CommitId": commit, "BranchName": c["BranchName"], "FullRepositoryName": c["FullRepositoryId"], "ConnectionArn": c["ConnectionArn"],
	}
	if text, authored, ok := host.Describe(c["FullRepositoryId"], commit); ok {
		out["CommitMessage"], out["AuthorDate"] = text, authored.UTC().Format(time.RFC3339)
	}
	return out, nil
}

// useConnection holds the connection to what CodePipeline asks of it.
func (a *action) useConnection() error {
	arn := a.Configuration["ConnectionArn"]
	connection := a.emulator.cloud.ByARN(arn)
	if connection == nil {
		return fail("ConnectionNotFound", "the connection %s does not exist", arn)
	}
	service := arns.Of(arn).Service // codeconnections or, older, codestar-connections
	err := a.emulator.cloud.Authorize(cloud.Call{Session: a.session, Action: service + ":UseConnection", Resource: arn, Context: map[string][]string{
		service + ":FullRepositoryId": {a.Configuration["FullRepositoryId"]}, service + ":BranchName": {a.Configuration["BranchName"]},
	}})
	if err != nil {
		return err
	}
	if status := connection.Str("connectionStatus"); status != "AVAILABLE" {
		return fail("ConnectionUnavailable", "Connection %s is not available: it is %s; complete its handshake in the console", arn, status)
	}
	return nil
}

// environmentVariable is how actions and projects write environment variables.
type environmentVariable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

// build starts a build and waits for its end.
func (a *action) build(ctx context.Context) (map[string]string, error) {
	request, err := a.buildRequest()
	if err != nil {
		return nil, err
	}
	project := cloud.ARN("codebuild", a.e.Account, "project/"+a.Configuration["ProjectName"])
	if err := a.emulator.cloud.Authorize(cloud.Call{Session: a.session, Action: "codebuild:StartBuild", Resource: project}); err != nil {
		return nil, err
	}
	b, err := a.emulator.startBuild(a.e.Account, a.Configuration["ProjectName"], request)
	if err != nil {
		return nil, err
	}
	a.update(func(run *ActionRun) { run.External = b.ID })
	// The build is not stopped with the action: on AWS it goes on by itself.
	if err := a.emulator.await(ctx, func() bool { return b.Status != buildInProgress }); err != nil {
		return nil, err
	}
	if err := a.emulator.cloud.Authorize(cloud.Call{Session: a.session, Action: "codebuild:BatchGetBuilds", Resource: project}); err != nil {
		return nil, err
	}
	end := b.snapshot(a.emulator)
	if end.Status != buildSucceeded {
		return nil, fail("JobFailed", "Build terminated with state: %s. Phase: %s. %s", end.Status, end.failedPhase(), end.Reason)
	}
	for _, artifact := range b.written {
		a.keep(artifact)
	}
	return end.Exported, nil
}

func (a *action) buildRequest() (buildRequest, error) {
	c := a.Configuration
	request := buildRequest{
		initiator: "codepipeline/" + a.e.Pipeline, fromPipeline: true, primary: c["PrimarySource"],
		keyARN: a.e.settings.Stores[0].Key.ID, commit: a.e.Commit, summary: a.e.Pipeline + " " + a.Name,
	}
	if text := c["EnvironmentVariables"]; text != "" {
		if err := json.Unmarshal([]byte(text), &request.environment); err != nil {
			return request, fail("ActionConfigurationError", "EnvironmentVariables of %s is not a JSON list of variables: %v", a.Name, err)
		}
	}
	for _, name := range a.Inputs {
		at, ok := a.artifact(name)
		if !ok {
			return request, fail("ActionError", "the input artifact %s of %s was not made by an earlier action", name, a.Name)
		}
		request.inputs = append(request.inputs, at)
	}
	switch {
	case len(a.Inputs) == 0:
		return request, fail("ActionConfigurationError", "the build action %s has no input artifact", a.Name)
	case len(a.Inputs) == 1 && request.primary == "":
		request.primary = a.Inputs[0]
	case !slices.Contains(a.Inputs, request.primary):
		return request, fail("ActionConfigurationError", "PrimarySource of %s is %q: expected one of its input artifacts %v", a.Name, request.primary, a.Inputs)
	}
	if len(a.Outputs) > 1 {
		return request, fail("NotPlayed", "secondary artifacts are not played by the local cloud, and %s has %d outputs", a.Name, len(a.Outputs))
	}
	for _, name := range a.Outputs {
		at := a.newArtifact(name)
		request.output = &at
	}
	return request, nil
}

// approval is a manual approval that is waited for.
type approval struct {
	Approval
	status, summary, by string
}

// Approval is a manual approval that waits for a person.
type Approval struct {
	Pipeline, Stage, Action, Execution, Account string
	Token, CustomData                           string
	Expires                                     time.Time
}

func (p Approval) expired(now time.Time) bool { return !now.Before(p.Expires) }

// defaultApproval is how long CodePipeline waits for a person; see "Quotas in
// AWS CodePipeline".
const defaultApproval = 7 * 24 * time.Hour

// approve asks a person, through the topic where there is one.
func (a *action) approve(ctx context.Context) (map[string]string, error) {
	limit := defaultApproval
	if a.Timeout > 0 {
		limit = time.Duration(a.Timeout) * time.Minute
	}
	p := &approval{Approval: Approval{
		Pipeline: a.e.Pipeline, Stage: a.stage, Action: a.Name, Execution: a.e.ID, Account: a.e.Account,
		Token: newID(), CustomData: a.Configuration["CustomData"], Expires: a.emulator.cloud.Now().Add(limit),
	}}
	if topic := a.Configuration["NotificationArn"]; topic != "" {
		subject := fmt.Sprintf("APPROVAL NEEDED: AWS CodePipeline %s for action %s", a.e.Pipeline, a.Name)
		if err := a.emulator.publishFor(publisher{session: a.session}, topic, subject[:min(len(subject), 100)], p.message(a.Configuration)); err != nil {
			return nil, fmt.Errorf("the approval can't be asked for: %w", err)
		}
	}
	// Whoever sees that it waits may move the clock: the message has gone by then.
	a.emulator.change(func() { a.e.pipeline.approvals[p.Token] = p })
	defer a.emulator.change(func() { delete(a.e.pipeline.approvals, p.Token) })
	a.update(func(run *ActionRun) { run.Token = p.Token })
	fields := a.fields(waiting)
	fields["customData"] = p.CustomData
	a.emulator.note("action", a.e.Pipeline, fields, "action %s waits for an approval: %s", a.Name, p.CustomData)
	wait, stop := context.WithTimeout(ctx, limit)
	defer stop()
	err := a.emulator.pause(wait, func() bool { return p.status != "" || p.expired(a.emulator.cloud.Now()) })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil || p.status == "":
		return nil, fail("ApprovalTimedOut", "nobody answered within %s", limit)
	}
	a.update(func(run *ActionRun) { run.Summary = p.summary })
	if p.status != "Approved" {
		return nil, fail("Rejected", "rejected by %s: %s", p.by, p.summary)
	}
	return map[string]string{}, nil
}

// message is what subscribers get. See "JSON data format for manual approval
// notifications in CodePipeline".
func (p *approval) message(c map[string]string) string {
	console := fmt.Sprintf("https://console.aws.amazon.com/codesuite/codepipeline/pipelines/%s/view?region=%s", p.Pipeline, cloud.Region)
	approval := map[string]any{
		"pipelineName": p.Pipeline, "stageName": p.Stage, "actionName": p.Action, "token": p.Token,
		"expires": p.Expires.UTC().Format("2006-01-02T15:04Z"), "externalEntityLink": nil, "customData": p.CustomData,
		"approvalReviewLink": console + "#/" + p.Stage + "/" + p.Action + "/approve/" + p.Token,
	}
	if link := c["ExternalEntityLink"]; link != "" {
		approval["externalEntityLink"] = link
	}
	text, _ := json.Marshal(map[string]any{"region": cloud.Region, "consoleLink": console, "approval": approval}) // strings always marshal
	return string(text)
}

// PendingApprovals returns what waits for a person.
func (r *Emulator) PendingApprovals() []Approval {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Approval
	for _, pipeline := range r.pipelines() {
		for _, p := range pipeline.approvals {
			if p.status == "" {
				out = append(out, p.Approval)
			}
		}
	}
	slices.SortFunc(out, func(x, y Approval) int { return strings.Compare(x.Pipeline+x.Execution, y.Pipeline+y.Execution) })
	return out
}

// WaitApproval waits until an approval that satisfies match is waited for, or
// until the execution that it is about has ended without it.
func (r *Emulator) WaitApproval(ctx context.Context, match func(Approval) bool) (Approval, error) {
	var found Approval
	err := r.settle(ctx, func() bool {
		for _, pipeline := range r.pipelines() {
			for _, p := range pipeline.approvals {
				if p.status == "" && match(p.Approval) {
					found = p.Approval
					return true
				}
			}
		}
		return false
	})
	if err != nil {
		return Approval{}, fmt.Errorf("no approval is waited for: %w", err)
	}
	return found, nil
}

// Decide answers an approval as the API would: the session needs the right to.
func (r *Emulator) Decide(by *cloud.Session, p Approval, approved bool, summary string) error {
	resource := cloud.ARN("codepipeline", p.Account, p.Pipeline+"/"+p.Stage+"/"+p.Action)
	if err := r.cloud.Authorize(cloud.Call{Session: by, Action: "codepipeline:PutApprovalResult", Resource: resource}); err != nil {
		return err
	}
	status := "Rejected"
	if approved {
		status = "Approved"
	}
	return r.PutApprovalResult(by, p.Pipeline, p.Stage, p.Action, p.Token, status, summary)
}

// approval finds an approval by its token, nil where there is none. It is
// called with the lock held.
func (r *Emulator) approval(token string) *approval {
	for _, pipeline := range r.pipelines() {
		if p := pipeline.approvals[token]; p != nil {
			return p
		}
	}
	return nil
}

// PutApprovalResult implements awsapi.Backend.
func (r *Emulator) PutApprovalResult(by *cloud.Session, pipeline, stage, action, token, status, summary string) (err error) {
	if status != "Approved" && status != "Rejected" {
		return fail("ValidationException", "the status is %q: expected Approved or Rejected", status)
	}
	if len(summary) > 512 {
		return fail("ValidationException", "the summary has %d characters: at most 512 are allowed", len(summary))
	}
	r.change(func() {
		p := r.approval(token)
		switch {
		case p == nil || p.Pipeline != pipeline || p.Stage != stage || p.Action != action:
			err = fail("InvalidApprovalTokenException", "the token does not belong to a pending approval of %s/%s/%s", pipeline, stage, action)
		case by != nil && by.Account != p.Account:
			err = fail("PipelineNotFoundException", "Account '%s' does not have a pipeline with name '%s'", by.Account, pipeline)
		case p.expired(r.cloud.Now()):
			// Even where the action has not noticed yet: it fails all the same.
			err = fail("InvalidApprovalTokenException", "the approval of %s/%s/%s was to be answered until %s", pipeline, stage, action, p.Expires.UTC().Format(time.RFC3339))
		case p.status != "":
			err = fail("ApprovalAlreadyCompletedException", "the approval was %s already", p.status)
		default:
			p.status, p.summary, p.by = status, summary, "nobody known"
			if by != nil {
				p.by = by.ARN()
			}
		}
	})
	return err
}

// artifact finds an artifact of the execution.
func (a *action) artifact(name string) (Artifact, bool) {
	a.emulator.mu.Lock()
	defer a.emulator.mu.Unlock()
	at, ok := a.e.artifacts[name]
	return at, ok
}

func (a *action) keep(at Artifact) {
	a.emulator.change(func() { a.e.artifacts[at.Name] = at })
	a.update(func(run *ActionRun) { run.Artifacts = append(run.Artifacts, at) })
}

// newArtifact names an artifact as CodePipeline does: the first 20 characters
// of the pipeline's name, the first 10 of the artifact's, and 7 random ones. See
// the example my-pipeline/invokeOutp/D0YHsJn on
// https://docs.aws.amazon.com/lambda/latest/dg/services-codepipeline.html and,
// for the 20, https://github.com/awsdocs/aws-cloudformation-user-guide/pull/733.
func (a *action) newArtifact(name string) Artifact {
	cut := func(s string, n int) string { return s[:min(len(s), n)] }
	store := a.e.settings.Stores[0]
	return Artifact{
		Name: name, Bucket: store.Bucket, KMSKey: store.Key.ID,
		Key: cut(a.e.Pipeline, 20) + "/" + cut(name, 10) + "/" + newToken(4)[:7],
	}
}

func (a *action) writeArtifact(name string, data []byte) error {
	at := a.newArtifact(name)
	// CodePipeline hands the object to the bucket's owner, which is a right of
	// its own.
	if err := a.emulator.putObject(a.session, at, data, "s3:PutObject", "s3:PutObjectAcl"); err != nil {
		return err
	}
	a.keep(at)
	return nil
}

// openStore looks at the bucket as CodePipeline does before it uses it; see
// repost.aws/knowledge-center/codepipeline-access-denied-errors.
func (a *action) openStore() error {
	bucket := arns.Bucket(a.e.settings.Stores[0].Bucket)
	for _, action := range []string{"s3:GetBucketVersioning", "s3:GetBucketAcl", "s3:GetBucketLocation"} {
		if err := a.emulator.cloud.Authorize(cloud.Call{Session: a.session, Action: action, Resource: bucket}); err != nil {
			return err
		}
	}
	return nil
}

// withAll returns the union of maps; later ones win.
func withAll(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

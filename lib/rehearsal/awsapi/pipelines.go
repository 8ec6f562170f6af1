package awsapi

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"
)

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s *Server) startBuild(r *request) (any, error) {
	var in struct {
		Project string `json:"projectName"`
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if err := s.authorize(r, "codebuild:StartBuild", r.arn("codebuild", "project/"+in.Project), nil); err != nil {
		return nil, err
	}
	b, err := s.backend.StartBuild(r.Context(), r.session.Account, in.Project)
	if err != nil {
		return nil, err
	}
	return map[string]any{"build": buildJSON(b)}, nil
}

func (s *Server) batchGetBuilds(r *request) (any, error) {
	var in struct {
		IDs []string `json:"ids"`
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	found, missing := []any{}, []string{}
	for _, id := range in.IDs {
		b, ok := s.backend.FindBuild(id)
		if !ok {
			missing = append(missing, id)
			continue
		}
		if err := s.authorize(r, "codebuild:BatchGetBuilds", r.arn("codebuild", "project/"+b.Project), nil); err != nil {
			return nil, err
		}
		found = append(found, buildJSON(b))
	}
	return map[string]any{"builds": found, "buildsNotFound": missing}, nil
}

func buildJSON(b Build) map[string]any {
	out := map[string]any{
		"id": b.ID, "arn": b.ARN, "projectName": b.Project, "buildStatus": b.Status, "currentPhase": b.Phase, "startTime": seconds(b.Started),
		"buildComplete": b.Status != "IN_PROGRESS", "logs": map[string]any{"groupName": b.LogGroup, "streamName": b.Stream},
	}
	if !b.Ended.IsZero() {
		out["endTime"] = seconds(b.Ended)
	}
	exported := []any{}
	for _, name := range slices.Sorted(maps.Keys(b.Exported)) {
		exported = append(exported, map[string]string{"name": name, "value": b.Exported[name]})
	}
	out["exportedEnvironmentVariables"] = exported
	return out
}

// onPipeline authorizes an action on a pipeline, or on what part names in it,
// and refuses where the caller's account has no such pipeline.
func (s *Server) onPipeline(r *request, action, name, part string) error {
	arn := r.arn("codepipeline", name)
	if err := s.authorize(r, action, arn+part, nil); err != nil {
		return err
	}
	if s.cloud.ByARN(arn) == nil {
		return fail(http.StatusBadRequest, "PipelineNotFoundException", "Account %s does not have a pipeline with name %q", r.session.Account, name)
	}
	return nil
}

func (s *Server) getPipelineState(r *request) (any, error) {
	var in struct{ Name string }
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if err := s.onPipeline(r, "codepipeline:GetPipelineState", in.Name, ""); err != nil {
		return nil, err
	}
	stages := []map[string]any{}
	for _, a := range s.backend.PipelineState(r.arn("codepipeline", in.Name)) {
		if n := len(stages); n == 0 || stages[n-1]["stageName"] != a.Stage {
			stages = append(stages, map[string]any{"stageName": a.Stage, "actionStates": []any{}, "latestExecution": map[string]any{"pipelineExecutionId": a.Execution, "status": a.Status}})
		}
		latest := map[string]any{"status": a.Status, "summary": a.Summary}
		if a.Token != "" {
			latest["token"] = a.Token
		}
		last := stages[len(stages)-1]
		last["actionStates"] = append(last["actionStates"].([]any), map[string]any{"actionName": a.Action, "latestExecution": latest})
	}
	return map[string]any{"pipelineName": in.Name, "stageStates": stages}, nil
}

// sourceAction is the name of the source action in what is reported of an
// execution: the pipelines here have one.
const sourceAction = "Source"

// maxExecutions is the largest page of ListPipelineExecutions, and the usual one.
const maxExecutions = 100

// listExecutions: see
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelineExecutions.html.
// Variables are not in it.
func (s *Server) listExecutions(r *request) (any, error) {
	var in struct {
		Name       string `json:"pipelineName"`
		MaxResults int    `json:"maxResults"`
		NextToken  string `json:"nextToken"`
		Filter     any    `json:"filter"`
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if err := s.onPipeline(r, "codepipeline:ListPipelineExecutions", in.Name, ""); err != nil {
		return nil, err
	}
	switch {
	case in.MaxResults < 0 || in.MaxResults > maxExecutions:
		return nil, fail(http.StatusBadRequest, "ValidationException", "Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to %d", in.MaxResults, maxExecutions)
	case in.NextToken != "" || in.Filter != nil:
		return nil, fail(http.StatusNotImplemented, "NotImplemented", "the local cloud plays neither the second page of executions nor a filter")
	}
	all := s.backend.PipelineExecutions(r.arn("codepipeline", in.Name))
	page, out := all[:min(len(all), cmp.Or(in.MaxResults, maxExecutions))], map[string]any{}
	if len(page) < len(all) {
		out["nextToken"] = "second"
	}
	summaries := []any{}
	for _, e := range page {
		summary := map[string]any{"pipelineExecutionId": e.ID, "status": e.Status, "startTime": seconds(e.Started), "trigger": map[string]any{"triggerType": e.Trigger}}
		if e.Commit != "" {
			summary["sourceRevisions"] = []any{map[string]any{"actionName": sourceAction, "revisionId": e.Commit}}
		}
		summaries = append(summaries, summary)
	}
	out["pipelineExecutionSummaries"] = summaries
	return out, nil
}

// getExecution: see
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineExecution.html
func (s *Server) getExecution(r *request) (any, error) {
	var in struct {
		Name string `json:"pipelineName"`
		ID   string `json:"pipelineExecutionId"`
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if err := s.onPipeline(r, "codepipeline:GetPipelineExecution", in.Name, ""); err != nil {
		return nil, err
	}
	all := s.backend.PipelineExecutions(r.arn("codepipeline", in.Name))
	i := slices.IndexFunc(all, func(e Execution) bool { return e.ID == in.ID })
	if i < 0 {
		return nil, fail(http.StatusBadRequest, "PipelineExecutionNotFoundException", "The pipeline execution %s does not exist in the pipeline %s", in.ID, in.Name)
	}
	e, variables := all[i], []any{}
	for _, name := range slices.Sorted(maps.Keys(e.Variables)) {
		variables = append(variables, map[string]any{"name": name, "resolvedValue": e.Variables[name]})
	}
	return map[string]any{"pipelineExecution": map[string]any{
		"pipelineExecutionId": e.ID, "pipelineName": e.Pipeline, "status": e.Status,
		"variables": variables, "trigger": map[string]any{"triggerType": e.Trigger},
	}}, nil
}

func (s *Server) putApprovalResult(r *request) (any, error) {
	var in struct {
		PipelineName, StageName, ActionName, Token string
		Result                                     struct{ Status, Summary string }
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if err := s.onPipeline(r, "codepipeline:PutApprovalResult", in.PipelineName, "/"+in.StageName+"/"+in.ActionName); err != nil {
		return nil, err
	}
	if err := s.backend.PutApprovalResult(r.session, in.PipelineName, in.StageName, in.ActionName, in.Token, in.Result.Status, in.Result.Summary); err != nil {
		return nil, err
	}
	return map[string]any{"approvedAt": seconds(s.cloud.Now())}, nil
}

func (s *Server) startExecution(r *request) (any, error) {
	var in struct {
		Name string
		Start
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if err := s.onPipeline(r, "codepipeline:StartPipelineExecution", in.Name, ""); err != nil {
		return nil, err
	}
	id, err := s.backend.StartExecution(r.session, in.Name, in.Start)
	if err != nil {
		return nil, err
	}
	return map[string]any{"pipelineExecutionId": id}, nil
}

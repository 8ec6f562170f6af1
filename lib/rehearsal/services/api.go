package services

import (
	"slices"

	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

var _ awsapi.Backend = (*Emulator)(nil)

// StartExecution implements awsapi.Backend.
func (r *Emulator) StartExecution(by *cloud.Session, pipeline string, with awsapi.Start) (string, error) {
	return r.start(cloud.ARN("codepipeline", by.Account, pipeline), start{Start: with, trigger: "StartPipelineExecution", detail: by.ARN()})
}

// StartPipeline starts an execution with variables alone, as a person does in
// the console.
func (r *Emulator) StartPipeline(by *cloud.Session, pipeline string, variables map[string]string) (string, error) {
	var with awsapi.Start
	for name, value := range variables {
		with.Variables = append(with.Variables, awsapi.Variable{Name: name, Value: value})
	}
	return r.StartExecution(by, pipeline, with)
}

// PipelineExecutions implements awsapi.Backend.
func (r *Emulator) PipelineExecutions(pipelineARN string) []awsapi.Execution {
	var out []awsapi.Execution
	for _, e := range r.snapshots(isARN(pipelineARN)) {
		out = append(out, awsapi.Execution{ID: e.ID, Pipeline: e.Pipeline, Status: e.Status, Started: e.Started, Ended: e.Ended, Trigger: e.Trigger, Commit: e.Commit, Variables: e.Variables})
	}
	slices.Reverse(out)
	return out
}

// PipelineState implements awsapi.Backend.
func (r *Emulator) PipelineState(pipelineARN string) []awsapi.ActionState {
	at := map[string]int{}
	var out []awsapi.ActionState
	for _, e := range r.snapshots(isARN(pipelineARN)) {
		for _, s := range e.Stages {
			for _, a := range s.Actions {
				state := awsapi.ActionState{Stage: s.Name, Action: a.Name, Status: a.Status, Execution: e.ID, Token: a.Token, Summary: a.Summary}
				if state.Summary == "" {
					state.Summary = a.Error
				}
				key := s.Name + "/" + a.Name
				if i, seen := at[key]; seen {
					out[i] = state
					continue
				}
				at[key] = len(out)
				out = append(out, state)
			}
		}
	}
	return out
}

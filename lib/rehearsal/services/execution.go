package services

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/aws/pipelinevar"
	"delivery.internal/lib/rehearsal/cloud"
)

// Words of state change events.
const (
	started = "STARTED"
	waiting = "WAITING" // of the journal only: an approval waits for a person
)

var stateOf = map[string]string{InProgress: started, Succeeded: "SUCCEEDED", Failed: "FAILED", Superseded: "SUPERSEDED", Stopped: "STOPPED"}

// errSuperseded ends an execution that a later one has overtaken.
var errSuperseded = errors.New("a later execution has superseded it")

// run takes an execution through the stages.
func (r *Emulator) run(e *execution) {
	ctx := e.pipeline.ctx
	r.pipelineEvent(e, InProgress)
	for i, stage := range e.settings.Stages {
		err := r.enterStage(ctx, e, stage.Name, i > 0)
		if err == nil {
			err = r.runStage(ctx, e, stage)
			r.change(func() { e.pipeline.gate(stage.Name).leave(e) })
		}
		switch {
		case err == nil:
		case errors.Is(err, errSuperseded):
			r.finish(e, Superseded, fmt.Sprintf("superseded by %s before the stage %s", e.supersededBy, stage.Name))
			return
		case ctx.Err() != nil:
			r.finish(e, Stopped, "the pipeline was removed")
			return
		default:
			r.finish(e, Failed, fmt.Sprintf("stage %s: %v", stage.Name, err))
			return
		}
	}
	r.finish(e, Succeeded, "")
}

func (r *Emulator) finish(e *execution, status, reason string) {
	r.change(func() { e.Status, e.Reason, e.Ended = status, reason, r.cloud.Now() })
	r.pipelineEvent(e, status)
}

// enterStage waits until the stage is free.
func (r *Emulator) enterStage(ctx context.Context, e *execution, stage string, arrive bool) error {
	mode := e.settings.mode()
	if mode == modeParallel {
		return nil
	}
	if arrive {
		r.change(func() { e.pipeline.gate(stage).arrive(e, mode) })
	}
	err := r.pause(ctx, func() bool { return e.supersededBy != "" || e.pipeline.gate(stage).holder == e })
	if err != nil {
		r.change(func() { e.pipeline.gate(stage).leave(e) })
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.supersededBy != "" {
		return errSuperseded
	}
	return nil
}

// runStage runs the actions of a stage: those of one run order at once, the
// orders one after the other.
func (r *Emulator) runStage(ctx context.Context, e *execution, stage stageSettings) error {
	r.change(func() {
		e.Stages = append(e.Stages, StageRun{Name: stage.Name, Status: InProgress, Started: r.cloud.Now()})
	})
	r.stageEvent(e, stage.Name, InProgress)
	err := r.runActions(ctx, e, stage)
	status := Succeeded
	if err != nil {
		status = Failed
	}
	r.change(func() {
		s := e.Stage(stage.Name)
		s.Status, s.Ended = status, r.cloud.Now()
	})
	r.stageEvent(e, stage.Name, status)
	return err
}

func (r *Emulator) runActions(ctx context.Context, e *execution, stage stageSettings) error {
	byOrder := map[float64][]actionSettings{}
	for _, a := range stage.Actions {
		byOrder[a.order()] = append(byOrder[a.order()], a)
	}
	for _, order := range slices.Sorted(maps.Keys(byOrder)) {
		if err := r.runTogether(ctx, e, stage.Name, byOrder[order]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Emulator) runTogether(ctx context.Context, e *execution, stage string, actions []actionSettings) error {
	left := len(actions)
	errs := make([]error, len(actions))
	for i, a := range actions {
		ok := r.spawn(func(context.Context) {
			err := r.runAction(ctx, e, stage, a)
			r.change(func() { left, errs[i] = left-1, err })
		})
		if !ok {
			return errors.New("the local cloud is closed")
		}
	}
	// The actions end with ctx, so that waiting for them needs no limit.
	if err := r.pause(context.WithoutCancel(ctx), func() bool { return left == 0 }); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// action is a running action.
type action struct {
	actionSettings
	emulator *Emulator
	e        *execution
	stage    string
	id       string
	session  *cloud.Session
	started  time.Time
}

// runAction runs an action and records how it ended.
func (r *Emulator) runAction(ctx context.Context, e *execution, stage string, s actionSettings) error {
	a := &action{actionSettings: s, emulator: r, e: e, stage: stage, id: newID(), started: r.cloud.Now()}
	r.change(func() {
		run := e.Stage(stage)
		run.Actions = append(run.Actions, ActionRun{ID: a.id, Name: s.Name, Provider: s.Provider, Status: InProgress, Started: a.started})
	})
	a.event(InProgress, "")
	outputs, err := a.perform(ctx)
	status, text := Succeeded, ""
	if err != nil {
		status, text = Failed, err.Error()
		err = fmt.Errorf("action %s: %w", s.Name, err)
	}
	a.update(func(run *ActionRun) {
		run.Status, run.Error, run.Ended, run.Outputs, run.Token = status, text, r.cloud.Now(), outputs, ""
		if s.Namespace != "" && outputs != nil {
			e.namespaces[s.Namespace] = outputs
		}
	})
	a.event(status, text)
	return err
}

// update changes the record of the action.
func (a *action) update(f func(*ActionRun)) {
	a.emulator.change(func() {
		run := a.e.Stage(a.stage)
		for i := range run.Actions {
			if run.Actions[i].ID == a.id {
				f(&run.Actions[i])
			}
		}
	})
}

// perform does what the action's provider does, with the pipeline's role.
func (a *action) perform(ctx context.Context) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var err error
	if a.Configuration, err = a.resolve(); err != nil {
		return nil, err
	}
	if a.session, err = a.credentials(); err != nil {
		return nil, err
	}
	switch {
	case a.is("Source", "CodeStarSourceConnection"):
		return a.fetchSource(ctx)
	case a.is("Build", "CodeBuild"), a.is("Test", "CodeBuild"):
		return a.build(ctx)
	case a.is("Approval", "Manual"):
		return a.approve(ctx)
	}
	return nil, fail("NotPlayed", "actions of the kind %s/%s/%s are not played by the local cloud", a.Category, a.Owner, a.Provider)
}

func (a *action) is(category, provider string) bool {
	return a.Category == category && a.Provider == provider && a.Owner == "AWS"
}

// credentials are those of the pipeline's role or, through it, of the action's.
func (a *action) credentials() (*cloud.Session, error) {
	c := a.emulator.cloud
	name := strings.ReplaceAll(a.e.ID, "-", "")
	s, err := c.AssumeFor(pipelineService, a.e.settings.Role, name, source(a.e.arn, a.e.Account))
	if err != nil || a.Role == "" {
		return s, err
	}
	return c.AssumeRole(s, a.Role, name, "", time.Hour)
}

// resolve puts the values of variables into the configuration.
func (a *action) resolve() (map[string]string, error) {
	out := map[string]string{}
	for key, value := range a.Configuration {
		var err error
		out[key] = pipelinevar.Resolve(value, func(v pipelinevar.Variable) string {
			text, ok := a.emulator.variable(a.e, v.Namespace, v.Name)
			if !ok || !v.Closed() {
				err = errors.Join(err, fail("ActionConfigurationError", "the variable %s in %s of the action %s can't be resolved", v.Text, key, a.Name))
			}
			return text
		})
		if err != nil {
			return nil, err
		}
		if len(out[key]) > pipelinevar.MaxValue {
			return nil, fail("ActionConfigurationError", "%s of the action %s has %d characters once its variables are resolved: at most %d are allowed", key, a.Name, len(out[key]), pipelinevar.MaxValue)
		}
	}
	return out, nil
}

func (r *Emulator) variable(e *execution, namespace, name string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch namespace {
	case "variables":
		v, ok := e.Variables[name]
		return v, ok
	case "codepipeline":
		return e.ID, name == "PipelineExecutionId"
	}
	v, ok := e.namespaces[namespace][name]
	return v, ok
}

// detail is what all state change events of an execution say.
func (e *execution) detail(state string) map[string]any {
	return map[string]any{
		"pipeline": e.Pipeline, "execution-id": e.ID, "state": state, "version": 1,
		"start-time": e.Started.UTC().Format("2006-01-02T15:04:05.000Z"), "pipeline-execution-attempt": 1,
	}
}

func (r *Emulator) pipelineEvent(e *execution, status string) {
	state := stateOf[status]
	fields := map[string]any{"pipeline": e.Pipeline, "execution": e.ID, "state": state, "trigger": e.Trigger, "variables": maps.Clone(e.Variables)}
	text := "execution " + e.ID + " " + strings.ToLower(state)
	if e.Reason != "" {
		fields["error"] = e.Reason
		text += ": " + e.Reason
	}
	r.note("pipeline", e.Pipeline, fields, "%s", text)
	detail := e.detail(state)
	detail["execution-trigger"] = map[string]any{"trigger-type": e.Trigger, "trigger-detail": e.TriggerDetail}
	r.EmitAWS(e.Account, "aws.codepipeline", "CodePipeline Pipeline Execution State Change", []string{e.arn}, detail)
}

func (r *Emulator) stageEvent(e *execution, stage, status string) {
	state := stateOf[status]
	r.note("stage", e.Pipeline, map[string]any{"pipeline": e.Pipeline, "execution": e.ID, "stage": stage, "state": state}, "stage %s %s", stage, strings.ToLower(state))
	detail := e.detail(state)
	detail["stage"] = stage
	r.EmitAWS(e.Account, "aws.codepipeline", "CodePipeline Stage Execution State Change", []string{e.arn}, detail)
}

func (a *action) event(status, problem string) {
	state := stateOf[status]
	fields := a.fields(state)
	text := fmt.Sprintf("action %s %s", a.Name, strings.ToLower(state))
	if problem != "" {
		fields["error"] = problem
		text += ": " + problem
	}
	a.emulator.note("action", a.e.Pipeline, fields, "%s", text)
	detail := a.e.detail(state)
	maps.Copy(detail, map[string]any{
		"stage": a.stage, "action": a.Name, "action-execution-id": a.id, "region": cloud.Region,
		"start-time": a.started.UTC().Format("2006-01-02T15:04:05.000Z"),
		"type":       map[string]any{"owner": a.Owner, "provider": a.Provider, "category": a.Category, "version": a.Version},
	})
	if status == Failed {
		detail["execution-result"] = map[string]any{"external-execution-summary": problem, "error-code": "JobFailed"}
	}
	a.emulator.EmitAWS(a.e.Account, "aws.codepipeline", "CodePipeline Action Execution State Change", []string{a.e.arn}, detail)
}

func (a *action) fields(state string) map[string]any {
	return map[string]any{"pipeline": a.e.Pipeline, "execution": a.e.ID, "stage": a.stage, "action": a.Name, "provider": a.Provider, "state": state}
}

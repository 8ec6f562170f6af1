package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

const pipelineService = "codepipeline.amazonaws.com"

// Execution modes of pipelines. The third, QUEUED, is the rule that the others
// are exceptions to.
const (
	modeSuperseded = "SUPERSEDED"
	modeParallel   = "PARALLEL"
)

// maxQueued is how many executions a pipeline may have at a time.
const maxQueued = 50

// pipelineSettings are the inputs of a pipeline.
type pipelineSettings struct {
	Name   string `json:"name"`
	Role   string `json:"roleArn"`
	Mode   string `json:"executionMode"`
	Type   string `json:"pipelineType"`
	Stores []struct {
		Bucket string `json:"location"`
		Key    struct {
			ID string `json:"id"`
		} `json:"encryptionKey"`
	} `json:"artifactStores"`
	Stages    []stageSettings `json:"stages"`
	Variables []struct {
		Name    string  `json:"name"`
		Default *string `json:"defaultValue"`
	} `json:"variables"`
}

type stageSettings struct {
	Name        string           `json:"name"`
	Actions     []actionSettings `json:"actions"`
	BeforeEntry any              `json:"beforeEntry"`
	OnFailure   any              `json:"onFailure"`
	OnSuccess   any              `json:"onSuccess"`
}

type actionSettings struct {
	Name          string            `json:"name"`
	Category      string            `json:"category"`
	Owner         string            `json:"owner"`
	Provider      string            `json:"provider"`
	Version       string            `json:"version"`
	Namespace     string            `json:"namespace"`
	Role          string            `json:"roleArn"`
	Configuration map[string]string `json:"configuration"`
	Inputs        []string          `json:"inputArtifacts"`
	Outputs       []string          `json:"outputArtifacts"`
	Order         float64           `json:"runOrder"`
	Timeout       float64           `json:"timeoutInMinutes"`
}

func (a actionSettings) order() float64 { return max(a.Order, 1) }

func (s pipelineSettings) mode() string {
	if s.Mode == "" {
		return modeSuperseded
	}
	return s.Mode
}

// sources are the source actions, which only the first stage has.
func (s pipelineSettings) sources() []actionSettings {
	if len(s.Stages) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Stages[0].Actions), func(a actionSettings) bool { return a.Category != "Source" })
}

// pipeline is what the cloud keeps of a deployed pipeline: its executions, and
// who is in which stage.
type pipeline struct {
	ctx        context.Context // ends with the pipeline
	stop       context.CancelFunc
	gates      map[string]*gate
	executions []*execution
	approvals  map[string]*approval // by token
}

// End stops the executions of a pipeline that is removed.
func (p *pipeline) End() { p.stop() }

func (r *Emulator) pipeline(res *cloud.Resource) *pipeline {
	return cloud.DataOf(r.cloud, res, func() *pipeline {
		ctx, stop := context.WithCancel(r.ctx)
		return &pipeline{ctx: ctx, stop: stop, gates: map[string]*gate{}, approvals: map[string]*approval{}}
	})
}

// pipelines are those that are deployed, oldest first.
func (r *Emulator) pipelines() (all []*pipeline) {
	for _, res := range r.cloud.Find("", typetoken.Pipeline, nil) {
		all = append(all, r.pipeline(res))
	}
	return all
}

// executions are those of the pipelines that match, oldest first. It is called
// with the lock held.
func (r *Emulator) executions(match func(*cloud.Resource) bool) (all []*execution) {
	for _, res := range r.cloud.Find("", typetoken.Pipeline, match) {
		all = append(all, r.pipeline(res).executions...)
	}
	return all
}

func isNamed(name string) func(*cloud.Resource) bool {
	return func(p *cloud.Resource) bool { return p.Name == name }
}

func isARN(arn string) func(*cloud.Resource) bool {
	return func(p *cloud.Resource) bool { return p.ARN == arn }
}

// gate lets one execution into a stage at a time.
type gate struct {
	holder  *execution
	waiting []*execution
}

func (p *pipeline) gate(stage string) *gate {
	if p.gates[stage] == nil {
		p.gates[stage] = &gate{}
	}
	return p.gates[stage]
}

// arrive queues an execution before a stage. In mode SUPERSEDED it takes the
// place of who waits there already.
func (g *gate) arrive(e *execution, mode string) {
	if mode == modeSuperseded {
		for _, w := range g.waiting {
			w.supersededBy = e.ID
		}
		g.waiting = nil
	}
	g.waiting = append(g.waiting, e)
	g.grant()
}

func (g *gate) grant() {
	if g.holder == nil && len(g.waiting) > 0 {
		g.holder, g.waiting = g.waiting[0], g.waiting[1:]
	}
}

// leave lets go of the stage, or of the place before it.
func (g *gate) leave(e *execution) {
	if g.holder == e {
		g.holder = nil
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(w *execution) bool { return w == e })
	g.grant()
}

// pipelineChanged follows the deployment of a pipeline. As on AWS, creating
// one starts it; changing one does not.
func (r *Emulator) pipelineChanged(change cloud.Change, res *cloud.Resource) {
	if change != cloud.Created {
		return
	}
	if _, err := r.start(res.ARN, start{trigger: "CreatePipeline", detail: res.Name}); err != nil {
		r.note("pipeline", res.Name, map[string]any{"state": "FAILED", "error": err.Error()}, "can't be started: %v", err)
	}
}

// start is how an execution comes about.
type start struct {
	awsapi.Start
	trigger, detail string
}

func readStart(text string) (awsapi.Start, error) {
	var in awsapi.Start
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return in, fail("ValidationException", "the input is not a start of a pipeline: %v", err)
	}
	return in, nil
}

// start begins an execution, if the API would.
func (r *Emulator) start(pipelineARN string, with start) (string, error) {
	res := r.cloud.ByARN(pipelineARN)
	if res == nil || res.Type != typetoken.Pipeline {
		return "", fail("PipelineNotFoundException", "The account does not have a pipeline with name '%s'", lastPart(pipelineARN))
	}
	s, err := settings[pipelineSettings](res)
	if err != nil {
		return "", err
	}
	variables, err := s.variables(with)
	if err != nil {
		return "", err
	}
	revisions, err := s.revisions(with)
	if err != nil {
		return "", err
	}
	if err := errors.Join(s.played(), with.checkToken()); err != nil {
		return "", err
	}
	e := &execution{
		Execution: Execution{ID: newID(), Pipeline: s.Name, Account: res.Account, Status: InProgress, Trigger: with.trigger, TriggerDetail: with.detail, Variables: variables, Started: r.cloud.Now()},
		settings:  s, arn: res.ARN, started: with.Start, revisions: revisions, namespaces: map[string]map[string]string{}, artifacts: map[string]Artifact{},
	}
	earlier, err := r.enqueue(e)
	if err != nil || earlier != "" {
		return earlier, err
	}
	r.spawn(func(context.Context) { r.run(e) })
	return e.ID, nil
}

// requestToken is the pattern of clientRequestToken in the API reference.
var requestToken = regexp.MustCompile(`^[a-zA-Z0-9-]{1,128}$`)

func (s start) checkToken() error {
	if s.Token != "" && !requestToken.MatchString(s.Token) {
		return fail("ValidationException", "Value '%s' at 'clientRequestToken' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9-]+$, with 1 to 128 characters", s.Token)
	}
	return nil
}

// repeated returns the execution that a request with the same token started.
// AWS says that the token identifies "a unique execution request", and no more:
// neither how long it is remembered (here as long as the pipeline is there, or
// until the fault ForgetToken) nor what another request with the same token gets
// (here a refusal). The lock is held.
func (r *Emulator) repeated(e *execution, p *pipeline) (string, error) {
	if e.started.Token != "" && r.cloud.Strike("codepipeline", "ForgetToken", e.Pipeline) != nil {
		return "", nil
	}
	for _, o := range p.executions {
		if e.started.Token == "" || o.started.Token != e.started.Token {
			continue
		}
		if !reflect.DeepEqual(o.started, e.started) {
			return "", fail("NotPlayed", "the clientRequestToken %s was used for another request: AWS does not document what follows", e.started.Token)
		}
		return o.ID, nil
	}
	return "", nil
}

// enqueue takes the place before the first stage at once, so that executions
// keep the order in which they were started. A request that was made before
// gets the execution of then.
func (r *Emulator) enqueue(e *execution) (earlier string, err error) {
	r.change(func() {
		res := r.cloud.ByARN(e.arn)
		if res == nil {
			err = fail("PipelineNotFoundException", "The account does not have a pipeline with name '%s'", e.Pipeline)
			return
		}
		p := r.pipeline(res)
		if earlier, err = r.repeated(e, p); err != nil || earlier != "" {
			return
		}
		running := 0
		for _, o := range p.executions {
			if o.Status == InProgress {
				running++
			}
		}
		if running >= maxQueued {
			err = fail("ConcurrentPipelineExecutionsLimitExceededException", "the pipeline %s has %d executions already", e.Pipeline, running)
			return
		}
		e.pipeline = p
		p.executions = append(p.executions, e)
		if e.settings.mode() != modeParallel {
			p.gate(e.settings.Stages[0].Name).arrive(e, e.settings.mode())
		}
	})
	return earlier, err
}

// variables resolves the pipeline's variables. A name that is not declared and
// an empty value are refused, as by the API.
func (s pipelineSettings) variables(with start) (map[string]string, error) {
	out := map[string]string{}
	missing := map[string]bool{}
	for _, v := range s.Variables {
		if v.Default != nil {
			out[v.Name] = *v.Default
		} else {
			missing[v.Name] = true
		}
	}
	for _, v := range with.Variables {
		if _, declared := out[v.Name]; !declared && !missing[v.Name] {
			return nil, fail("ValidationException", "Pipeline variable '%s' is not defined in the pipeline %s", v.Name, s.Name)
		}
		if len(v.Value) < 1 || len(v.Value) > 1000 {
			return nil, fail("ValidationException", "the value of the pipeline variable '%s' has %d characters: 1 to 1000 are allowed", v.Name, len(v.Value))
		}
		out[v.Name] = v.Value
		delete(missing, v.Name)
	}
	if len(missing) > 0 {
		return nil, fail("ValidationException", "the pipeline variables %v have neither a value nor a default", slices.Sorted(maps.Keys(missing)))
	}
	return out, nil
}

// revisions are the pinned revisions by source action.
func (s pipelineSettings) revisions(with start) (map[string]string, error) {
	out := map[string]string{}
	for _, v := range with.Revisions {
		isSource := slices.ContainsFunc(s.sources(), func(a actionSettings) bool { return a.Name == v.Action })
		switch {
		case !isSource:
			return nil, fail("ValidationException", "the source revision names the action '%s', which is not a source action of %s", v.Action, s.Name)
		case v.Type != "COMMIT_ID":
			return nil, fail("ValidationException", "the source revision of '%s' has the type '%s': a connection takes COMMIT_ID", v.Action, v.Type)
		case len(v.Value) < 1 || len(v.Value) > 1500:
			return nil, fail("ValidationException", "the source revision of '%s' has %d characters: 1 to 1500 are allowed", v.Action, len(v.Value))
		}
		out[v.Action] = v.Value
	}
	return out, nil
}

// played refuses what would otherwise be ignored in silence.
func (s pipelineSettings) played() error {
	if len(s.Stages) < 2 || len(s.Stores) != 1 {
		return fail("InvalidStructureException", "the pipeline %s needs at least two stages and exactly one artifact store", s.Name)
	}
	if s.Type != "V2" && (len(s.Variables) > 0 || s.mode() != modeSuperseded) {
		return fail("InvalidStructureException", "the pipeline %s has variables or an execution mode, which need the type V2", s.Name)
	}
	for _, st := range s.Stages {
		if st.BeforeEntry != nil || st.OnFailure != nil || st.OnSuccess != nil {
			return fail("NotPlayed", "the stage %s of %s has conditions, which the local cloud does not play", st.Name, s.Name)
		}
	}
	return nil
}

// Execution states, as CodePipeline names them.
const (
	InProgress = "InProgress"
	Succeeded  = "Succeeded"
	Failed     = "Failed"
	Superseded = "Superseded"
	Stopped    = "Stopped"
)

// Execution is one run of a pipeline.
type Execution struct {
	ID, Pipeline, Account  string
	Status                 string
	Trigger, TriggerDetail string
	// Commit is what the first source action fetched.
	Commit string
	// Variables are the pipeline's variables.
	Variables      map[string]string
	Started, Ended time.Time
	Stages         []StageRun
	// Reason says why it did not succeed.
	Reason string
}

// StageRun is an execution's way through a stage.
type StageRun struct {
	Name, Status   string
	Started, Ended time.Time
	Actions        []ActionRun
}

// ActionRun is an execution's way through an action.
type ActionRun struct {
	ID, Name, Provider, Status string
	Started, Ended             time.Time
	// Error is why it failed.
	Error string
	// External is the id of the build.
	External string
	// Summary is what the approver said.
	Summary string
	// Token answers the approval that is waited for.
	Token string
	// Outputs are the variables that it set.
	Outputs map[string]string
	// Artifacts are what it wrote.
	Artifacts []Artifact
}

// Artifact is where an artifact is.
type Artifact struct{ Name, Bucket, Key, KMSKey string }

// execution is a running Execution. Its state is guarded by the emulator's lock.
type execution struct {
	Execution
	settings     pipelineSettings
	arn          string
	started      awsapi.Start // what it was started with
	pipeline     *pipeline
	revisions    map[string]string
	supersededBy string
	namespaces   map[string]map[string]string
	artifacts    map[string]Artifact
}

// snapshot copies the public part; the lock is held.
func (e *execution) snapshot() Execution {
	c := e.Execution
	c.Variables = maps.Clone(c.Variables)
	c.Stages = slices.Clone(c.Stages)
	for i, s := range c.Stages {
		c.Stages[i].Actions = slices.Clone(s.Actions)
	}
	return c
}

// Stage returns the run of a stage, nil where it was not reached.
func (e Execution) Stage(name string) *StageRun {
	for i := range e.Stages {
		if e.Stages[i].Name == name {
			return &e.Stages[i]
		}
	}
	return nil
}

// Action returns the run of an action, nil where it was not reached.
func (e Execution) Action(name string) *ActionRun {
	for _, s := range e.Stages {
		for i := range s.Actions {
			if s.Actions[i].Name == name {
				return &s.Actions[i]
			}
		}
	}
	return nil
}

// Executions returns the executions of a pipeline, oldest first.
func (r *Emulator) Executions(pipeline string) []Execution { return r.snapshots(isNamed(pipeline)) }

func (r *Emulator) snapshots(match func(*cloud.Resource) bool) []Execution {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Execution
	for _, e := range r.executions(match) {
		out = append(out, e.snapshot())
	}
	return out
}

// Wait waits until an execution of a pipeline satisfies match, and returns it.
func (r *Emulator) Wait(ctx context.Context, pipeline string, match func(Execution) bool) (Execution, error) {
	var found Execution
	err := r.settle(ctx, func() bool {
		for _, e := range r.executions(isNamed(pipeline)) {
			if found = e.snapshot(); match(found) {
				return true
			}
		}
		return false
	})
	if err != nil {
		return Execution{}, fmt.Errorf("no execution of %s is as expected (%s): %w", pipeline, r.summary(pipeline), err)
	}
	return found, nil
}

// summary says where the executions of a pipeline are.
func (r *Emulator) summary(pipeline string) string {
	var out []string
	for _, e := range r.Executions(pipeline) {
		text := e.ID[:8] + " " + e.Status
		if e.Reason != "" {
			text += ": " + e.Reason
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "it has none"
	}
	return strings.Join(out, "; ")
}

// ReadArtifact returns the zip archive of an artifact, without asking for
// permission: for reports.
func (r *Emulator) ReadArtifact(executionID, name string) ([]byte, error) {
	at, err := r.artifact(executionID, name)
	if err != nil {
		return nil, err
	}
	return r.cloud.Objects.Get(at.Bucket, at.Key)
}

// ReplaceArtifact writes another archive in an artifact's place, without
// asking for permission: for scenarios.
func (r *Emulator) ReplaceArtifact(executionID, name string, archive []byte) error {
	at, err := r.artifact(executionID, name)
	if err != nil {
		return err
	}
	return r.cloud.Objects.Put(at.Bucket, at.Key, archive)
}

func (r *Emulator) artifact(executionID, name string) (Artifact, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pipelines() {
		for _, e := range p.executions {
			if a, ok := e.artifacts[name]; ok && e.ID == executionID {
				return a, nil
			}
		}
	}
	return Artifact{}, fmt.Errorf("the execution %s has no artifact %s", executionID, name)
}

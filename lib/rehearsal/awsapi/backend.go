package awsapi

import (
	"context"
	"time"

	"delivery.internal/lib/aws/eventbridge"
	"delivery.internal/lib/rehearsal/cloud"
)

// Event is an entry that was put on an event bus.
type Event struct {
	Account    string
	Bus        string // name of the bus
	Source     string
	DetailType string
	Detail     string // JSON object
	Resources  []string
}

// Entry is what PutEvents was given.
func (e Event) Entry() eventbridge.Entry {
	return eventbridge.Entry{Source: e.Source, DetailType: e.DetailType, Detail: e.Detail, Resources: e.Resources}
}

// Build is a build of CodeBuild.
type Build struct {
	ID, ARN, Project string
	Status           string // IN_PROGRESS, SUCCEEDED, FAILED, STOPPED, FAULT
	Phase            string
	LogGroup, Stream string
	Started, Ended   time.Time
	// Exported are the exported variables that the build set.
	Exported map[string]string
}

// ActionState is where an action of a pipeline is.
type ActionState struct {
	Stage, Action, Status string
	Execution             string
	// Token answers a manual approval; empty where none waits.
	Token   string
	Summary string
}

// Execution is one run of a pipeline.
type Execution struct {
	ID, Pipeline, Status string
	Started, Ended       time.Time
	Trigger              string
	// Commit is what the source action fetched; empty until it did.
	Commit string
	// Variables are the pipeline's variables as they were resolved.
	Variables map[string]string
}

// Start is what an execution of a pipeline is started with. See
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html
type Start struct {
	Revisions []SourceRevision `json:"sourceRevisions"`
	Variables []Variable       `json:"variables"`
	// Token is "the system-generated unique ID used to identify a unique
	// execution request"; empty for none.
	Token string `json:"clientRequestToken"`
}

// SourceRevision pins what a source action fetches.
type SourceRevision struct {
	Action string `json:"actionName"`
	Type   string `json:"revisionType"`
	Value  string `json:"revisionValue"`
}

// Variable is the value of a variable of the pipeline.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Backend is what runs behind the APIs. The caller is authorised before.
type Backend interface {
	// PutEvent puts an event on a bus and returns its id.
	PutEvent(e Event) (id string, err error)
	// EmitAWS emits an event of an AWS service on the account's default bus.
	EmitAWS(account, source, detailType string, resources []string, detail map[string]any)
	// StartBuild starts a build of a project.
	StartBuild(ctx context.Context, account, project string) (Build, error)
	// FindBuild returns a build by its id.
	FindBuild(id string) (Build, bool)
	// PipelineState returns the newest state of every action of a pipeline.
	PipelineState(pipelineARN string) []ActionState
	// PipelineExecutions returns a pipeline's executions, newest first.
	PipelineExecutions(pipelineARN string) []Execution
	// PutApprovalResult answers a manual approval.
	PutApprovalResult(by *cloud.Session, pipeline, stage, action, token, status, summary string) error
	// StartExecution starts an execution of a pipeline.
	StartExecution(by *cloud.Session, pipeline string, with Start) (id string, err error)
}

package pipeline

import (
	"slices"

	"delivery.internal/lib/promotion"
)

// Blueprint is a pipeline as plain data.
type Blueprint struct {
	// Name is the physical name.
	Name string
	Mode promotion.Mode
	// Variables are given by whoever starts an execution.
	Variables []Variable
	// Stages run one after the other.
	Stages []Stage
}

// Variable is a variable of the pipeline.
type Variable struct {
	Name, Default, Description string
}

// Stage is a stage with its actions.
type Stage struct {
	Name    string
	Actions []Action
}

// Action is an action of a stage.
type Action struct {
	Name string
	Type Type
	// Order within the stage, from 1; actions with the same order run together.
	Order int
	// Namespace is what later actions call this one's variables by; Exports
	// are the variables.
	Namespace string
	Exports   []string
	// Inputs and Outputs are artifacts.
	Inputs, Outputs []string
	// Configuration is what the type's keys below name.
	Configuration map[string]string
	// TimeoutMinutes is how long an approval waits for a person; 0 for actions
	// of other types.
	TimeoutMinutes int
}

// Type is an action type of CodePipeline.
type Type struct {
	Category, Owner, Provider, Version string
}

// The types that the platform uses.
var (
	SourceType   = Type{"Source", "AWS", "CodeStarSourceConnection", "1"}
	BuildType    = Type{"Build", "AWS", "CodeBuild", "1"}
	ApprovalType = Type{"Approval", "AWS", "Manual", "1"}
)

// Configuration keys of SourceType.
const (
	KeyConnection    = "ConnectionArn"
	KeyRepository    = "FullRepositoryId"
	KeyBranch        = "BranchName"
	KeyFormat        = "OutputArtifactFormat"
	KeyDetectChanges = "DetectChanges"
)

// Configuration keys of BuildType.
const (
	KeyProject       = "ProjectName"
	KeyPrimarySource = "PrimarySource"
	KeyVariables     = "EnvironmentVariables"
)

// Configuration keys of ApprovalType.
const (
	KeyTopic = "NotificationArn"
	KeyText  = "CustomData"
)

// sourceExports are the variables of SourceType; see
// docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodestarConnectionSource.html.
var sourceExports = []string{"AuthorDate", "BranchName", "CommitId", "CommitMessage", "ConnectionArn", "FullRepositoryName"}

// values collects a configuration value of all actions of a type, without
// repetition, in the order of the stages.
func (b Blueprint) values(t Type, key string) []string {
	var out []string
	for _, stage := range b.Stages {
		for _, a := range stage.Actions {
			if v := a.Configuration[key]; a.Type == t && v != "" && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

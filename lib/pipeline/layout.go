package pipeline

import (
	"encoding/json"
	"fmt"

	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

// Spec is what differs between the pipelines of the environments.
type Spec struct {
	// Names gives the names of the environment.
	Names naming.Namer
	// Mode is the execution mode.
	Mode promotion.Mode
	// Repository is what is delivered, read through the connection.
	Repository    settings.Repository
	ConnectionARN string
	// ApprovalTopicARN is told what waits for an approval; "" means that
	// nothing does.
	ApprovalTopicARN string
}

// Layout lays out the pipeline of an environment, and checks it. Where a person
// approves, everything comes after it that can change the target account. No
// stage has a retry of its own: the deployer repeats what is safe, and an
// update that was interrupted must be looked at before it is repeated.
func Layout(s Spec) (Blueprint, error) {
	b := Blueprint{Name: s.Names.Of(naming.Pipeline), Mode: s.Mode, Variables: variables()}
	b.Stages = []Stage{{Name: "Source", Actions: []Action{sourceAction(s)}}}
	asked := s.ApprovalTopicARN == ""
	for _, step := range buildproject.Steps() {
		build, err := buildAction(s, step)
		if err != nil {
			return b, err
		}
		if !asked && step.Target != buildproject.ReadTarget {
			// In a stage of its own, so that no retry of a stage can skip it.
			b.Stages = append(b.Stages, Stage{Name: "Approve", Actions: []Action{approveAction(s)}})
			asked = true
		}
		b.Stages = append(b.Stages, Stage{Name: step.Stage, Actions: []Action{build}})
	}
	return b, b.Validate()
}

// variables are handed over by the rule that starts the pipeline. An execution
// that it did not start has the defaults, and is refused by the deployer.
func variables() []Variable {
	return []Variable{
		{contract.VarCommit, contract.Unset, "Commit that was pushed"},
		{contract.VarDelivery, contract.Unset, "Delivery id of the GitHub webhook"},
		{contract.VarPusher, contract.Unset, "GitHub login of who pushed"},
	}
}

func sourceAction(s Spec) Action {
	return Action{
		Name: contract.SourceAction, Type: SourceType, Order: 1,
		Namespace: contract.SourceNamespace, Exports: sourceExports,
		Outputs: []string{contract.SourceArtifact},
		Configuration: map[string]string{
			KeyConnection:    s.ConnectionARN,
			KeyRepository:    s.Repository.FullName(),
			KeyBranch:        s.Repository.Branch,
			KeyFormat:        "CODE_ZIP", // a clone would need the connection in the build's role
			KeyDetectChanges: "false",    // only the verified webhook starts a pipeline
		},
	}
}

// buildAction gives a build what differs from run to run, and the variables of
// the preview that it is held to: the deployer refuses a bundle with others
// than those that the approval has shown.
func buildAction(s Spec, step buildproject.Step) (Action, error) {
	var reviewed []variable
	for _, name := range step.Reviewed {
		reviewed = append(reviewed, variable{name, ref(contract.PreviewNamespace, name), plainText})
	}
	vars, err := runVariables(reviewed...)
	a := Action{
		Name: step.Action, Type: BuildType, Order: 1,
		Namespace: step.Namespace, Exports: step.Exports,
		Inputs: step.Inputs, Outputs: step.Outputs,
		Configuration: map[string]string{
			KeyProject:   s.Names.Of(step.Kinds.Project),
			KeyVariables: vars,
		},
	}
	if len(step.Inputs) > 1 {
		a.Configuration[KeyPrimarySource] = step.Inputs[0]
	}
	return a, err
}

// approvalMinutes is two days. What was reviewed ages while it waits, and
// holds up whatever is queued behind it.
const approvalMinutes = 2 * 24 * 60

func approveAction(s Spec) Action {
	return Action{
		Name: "Approve", Type: ApprovalType, Order: 1, TimeoutMinutes: approvalMinutes,
		Configuration: map[string]string{
			KeyTopic: s.ApprovalTopicARN,
			KeyText: fmt.Sprintf("Deploy commit %s of %s to %s? %s. Pushed by %s. Digest of what was reviewed: %s. The whole diff is in diff.md of the artifact %s.",
				ref(pipelineNamespace, contract.VarCommit), s.Repository.FullName(), s.Names.Environment(),
				ref(contract.PreviewNamespace, contract.ExportSummary), ref(pipelineNamespace, contract.VarPusher),
				ref(contract.PreviewNamespace, contract.ExportDigest), contract.BundleArtifact),
		},
	}
}

// Namespaces that CodePipeline itself fills.
const (
	pipelineNamespace = "variables"
	serviceNamespace  = "codepipeline"
	executionID       = "PipelineExecutionId"
)

// ref is how a configuration value reads a variable.
func ref(namespace, name string) string { return "#{" + namespace + "." + name + "}" }

const plainText = "PLAINTEXT"

// variable is an environment variable as CodeBuild actions write it.
type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

// runVariables are the environment variables that differ from run to run; the
// others belong to the projects.
func runVariables(more ...variable) (string, error) {
	all := append([]variable{
		{contract.EnvCommit, ref(pipelineNamespace, contract.VarCommit), plainText},
		{contract.EnvSourceCommit, ref(contract.SourceNamespace, "CommitId"), plainText},
		{contract.EnvExecution, ref(serviceNamespace, executionID), plainText},
		{contract.EnvDelivery, ref(pipelineNamespace, contract.VarDelivery), plainText},
		{contract.EnvPusher, ref(pipelineNamespace, contract.VarPusher), plainText},
	}, more...)
	b, err := json.Marshal(all)
	return string(b), err
}

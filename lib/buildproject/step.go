package buildproject

import (
	"fmt"
	"slices"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// Step is a build of an environment as data. Everything that has to know which
// builds there are ranges over Steps: the keys, the bus, the ledger, the build
// image and the target roles let the roles of the steps in, and the pipeline
// runs them in their order.
type Step struct {
	// Verb is the command of the deployer that it runs.
	Verb string
	// Kinds name the project, its role and its log group.
	Kinds naming.Build
	// Target is the role of the target account that it assumes.
	Target Target
	// TimeoutMinutes end a build.
	TimeoutMinutes int
	// Records says that it records a deployment, in the ledger and on the bus.
	Records bool

	// Stage and Action are where the pipeline runs it.
	Stage, Action string
	// Inputs and Outputs are its artifacts, the primary input first.
	Inputs, Outputs []string
	// Namespace is what later actions call its variables by, and Exports are
	// the variables.
	Namespace string
	Exports   []string
	// Reviewed are the variables of the preview that it is held to.
	Reviewed []string

	description string // of the project, with a place for the environment
	statements  func(*Args) []iampolicy.Statement
	buildspec   func(Step) buildspec
}

// Target is a role of the target account.
type Target string

// The roles that the targets project makes.
const (
	// ReadTarget is the preview role, which only reads.
	ReadTarget Target = "preview"
	// ChangeTarget is the deploy role.
	ChangeTarget Target = "deploy"
)

// review is what a preview exports, the approval shows and the deployment is
// held to.
var review = []string{contract.ExportSummary, contract.ExportDigest}

var steps = []Step{
	{
		Verb: "preview", Kinds: naming.PreviewBuild, Target: ReadTarget, TimeoutMinutes: 60,
		Stage: "Build", Action: "Preview",
		Inputs: []string{contract.SourceArtifact}, Outputs: []string{contract.BundleArtifact},
		Namespace: contract.PreviewNamespace, Exports: review,
		description: "Previews what a commit would change in %s",
		statements:  (*Args).previewStatements, buildspec: previewSpec,
	},
	{
		// A build that is stopped by its timeout leaves a lock and pending
		// operations: longer than any update should take.
		Verb: "deploy", Kinds: naming.DeployBuild, Target: ChangeTarget, TimeoutMinutes: 240, Records: true,
		Stage: "Deploy", Action: "Deploy",
		Inputs:      []string{contract.SourceArtifact, contract.BundleArtifact},
		Reviewed:    []string{contract.ExportDigest, contract.ExportSummary},
		description: "Deploys what was previewed to %s",
		statements:  (*Args).deployStatements, buildspec: deploySpec,
	},
}

// Steps returns the builds of an environment, in the order in which its
// pipeline runs them.
func Steps() []Step { return slices.Clone(steps) }

// Roles returns the ARNs of the build roles of an environment, of the steps
// that match.
func Roles(scope naming.Scope, names naming.Namer, match func(Step) bool) []string {
	var arns []string
	for _, s := range steps {
		if match(s) {
			arns = append(arns, scope.Role(names.Of(s.Kinds.Role)))
		}
	}
	return arns
}

// Every matches all steps.
func Every(Step) bool { return true }

// Recording matches the steps that record a deployment.
func Recording(s Step) bool { return s.Records }

// Assuming matches the steps that assume a role of the target account.
func Assuming(t Target) func(Step) bool {
	return func(s Step) bool { return s.Target == t }
}

// validate refuses a step that does not say what it may do.
func (s Step) validate() error {
	switch {
	case !slices.ContainsFunc(steps, func(known Step) bool { return known.Verb == s.Verb }):
		return fmt.Errorf("step %q is unknown: expected one of Steps", s.Verb)
	case s.statements == nil || s.buildspec == nil || s.TimeoutMinutes == 0 || s.Kinds.Role.Prefix == "":
		return fmt.Errorf("step %s is not complete: expected statements, a buildspec, a timeout and names", s.Verb)
	case s.Target != ReadTarget && s.Target != ChangeTarget:
		return fmt.Errorf("step %s assumes the role %q: expected %s or %s", s.Verb, s.Target, ReadTarget, ChangeTarget)
	}
	return nil
}

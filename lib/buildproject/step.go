package buildproject

import (
	"fmt"

	"delivery.internal/lib/naming"
)

// Step is the step of the pipeline that a project runs.
type Step string

// The steps.
const (
	Preview Step = "preview"
	Deploy  Step = "deploy"
)

// traits is what differs between the steps, beside their policies.
type traits struct {
	project, role, policy, logs naming.Kind
	buildspec                   func() buildspec
	description                 string // of the project, with a place for the environment
	timeout                     int    // minutes
}

var steps = map[Step]traits{
	Preview: {
		project: naming.PreviewProject, role: naming.PreviewBuildRole, policy: naming.PreviewBuildPolicy, logs: naming.PreviewLogs,
		buildspec: previewSpec, description: "Previews what a commit would change in %s", timeout: 60,
	},
	Deploy: {
		project: naming.DeployProject, role: naming.DeployBuildRole, policy: naming.DeployBuildPolicy, logs: naming.DeployLogs,
		// A build that is stopped by its timeout leaves a lock and pending
		// operations: longer than any update should take.
		buildspec: deploySpec, description: "Deploys what was previewed to %s", timeout: 240,
	},
}

func (s Step) traits() (traits, error) {
	t, ok := steps[s]
	if !ok {
		return t, fmt.Errorf("step %q is unknown: expected %s or %s", s, Preview, Deploy)
	}
	return t, nil
}

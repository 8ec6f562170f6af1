package environment

import (
	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/pipeline"
)

// Environment is what differs between the environments.
type Environment struct {
	// Name is the environment.
	Name naming.Environment
	// Mode is the execution mode of its pipeline.
	Mode pipeline.Mode
	// Approval says whether a person approves every deployment.
	Approval bool
	// ImageFrom is the environment whose build image this one takes; "" takes
	// the newest one that the scan gate has approved.
	ImageFrom naming.Environment
	// Follows is the environment whose successful deployment starts this one's
	// pipeline, and must have deployed a commit before; "" is started by a push.
	Follows naming.Environment
}

// The environments. Dev and staging run in parallel: one push starts both (S2).
var (
	Dev = Environment{
		Name: naming.Dev,
		Mode: pipeline.Superseded,
	}
	Staging = Environment{
		Name:      naming.Staging,
		Mode:      pipeline.Superseded,
		ImageFrom: naming.Dev,
	}
	Prod = Environment{
		Name:      naming.Prod,
		Mode:      pipeline.Queued, // no approved commit is skipped in silence
		Approval:  true,            // S3
		ImageFrom: naming.Staging,
		Follows:   naming.Staging,
	}
)

// StartedBy is the event source that starts the environment's pipeline.
func (e Environment) StartedBy() string {
	if e.Follows != "" {
		return contract.DeploymentSource(string(e.Follows))
	}
	return contract.PushSource
}

// All lists the environments in the order of promotion.
func All() []Environment { return []Environment{Dev, Staging, Prod} }

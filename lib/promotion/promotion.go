package promotion

import (
	"slices"

	"delivery.internal/lib/naming"
)

// Mode says what happens to an execution that begins while another one runs.
type Mode string

// The modes that a pipeline may have. PARALLEL is not among them: two
// executions would fight for the locks of the same stacks.
const (
	// Queued runs every execution, one after the other.
	Queued Mode = "QUEUED"
	// Superseded lets a waiting execution give way to a newer one.
	Superseded Mode = "SUPERSEDED"
)

// Environment is one place that commits are deployed to.
type Environment struct {
	// Name is the third part of its names; see naming.ValidEnvironment.
	Name naming.Environment `json:"name" yaml:"name"`
	// Account is the twelve-digit id of the AWS account that is deployed to.
	Account Account `json:"account,omitempty" yaml:"account,omitempty"`
	// Mode is the execution mode of its pipeline. When left out, it is QUEUED
	// where a person approves, so that no approved commit is skipped in
	// silence, and SUPERSEDED elsewhere.
	Mode Mode `json:"mode,omitempty" yaml:"mode,omitempty"`
	// Approval says whether a person approves every deployment.
	Approval bool `json:"approval,omitempty" yaml:"approval,omitempty"`
	// Follows is the environment whose successful deployment starts this one's
	// pipeline, and that must have deployed a commit before; "" is started by
	// a push.
	Follows naming.Environment `json:"follows,omitempty" yaml:"follows,omitempty"`
	// ImageFrom is the environment whose build image this one takes; "" takes
	// the newest one that the scan gate has approved.
	ImageFrom naming.Environment `json:"imageFrom,omitempty" yaml:"imageFrom,omitempty"`
}

// Environments are all environments of an installation.
type Environments []Environment

// Default returns the environments of an installation that lists none, without
// their accounts. Dev and staging run in parallel: one push starts both (S2);
// production is approved by a person (S3).
func Default() Environments {
	return Environments{
		{Name: naming.Dev},
		{Name: naming.Staging, ImageFrom: naming.Dev},
		{Name: naming.Prod, Approval: true, Follows: naming.Staging, ImageFrom: naming.Staging},
	}
}

// Names returns the names, in the order of the list.
func (all Environments) Names() []naming.Environment {
	var names []naming.Environment
	for _, e := range all {
		names = append(names, e.Name)
	}
	return names
}

// Find returns the environment of a name.
func (all Environments) Find(name naming.Environment) (Environment, bool) {
	i := all.index(name)
	if i < 0 {
		return Environment{}, false
	}
	return all[i], true
}

func (all Environments) index(name naming.Environment) int {
	return slices.IndexFunc(all, func(e Environment) bool { return e.Name == name })
}

// Account returns the account of an environment, "" where there is no such
// environment.
func (all Environments) Account(name naming.Environment) string {
	e, _ := all.Find(name)
	return string(e.Account)
}

// Approved returns the environments in which a person approves.
func (all Environments) Approved() Environments {
	return slices.DeleteFunc(slices.Clone(all), func(e Environment) bool { return !e.Approval })
}

// WithAccounts returns the environments with the accounts that are given by
// name; the others keep theirs.
func (all Environments) WithAccounts(accounts map[naming.Environment]string) Environments {
	out := slices.Clone(all)
	for i, e := range out {
		if account := accounts[e.Name]; account != "" {
			out[i].Account = Account(account)
		}
	}
	return out
}

// InOrder returns the environments in the order of promotion, with their modes:
// each comes after those that it follows or takes its image from, and else
// where the list has it. It is the order in which they are deployed; they are
// removed in the opposite one. What Problems reports as a circle keeps its
// place at the end.
func (all Environments) InOrder() Environments {
	var out Environments
	left := slices.Clone(all)
	for len(left) > 0 {
		i := max(0, slices.IndexFunc(left, func(e Environment) bool {
			return left.index(e.Follows) < 0 && left.index(e.ImageFrom) < 0
		}))
		out, left = append(out, left[i].complete()), slices.Delete(left, i, i+1)
	}
	return out
}

func (e Environment) complete() Environment {
	switch {
	case e.Mode != "":
	case e.Approval:
		e.Mode = Queued
	default:
		e.Mode = Superseded
	}
	return e
}

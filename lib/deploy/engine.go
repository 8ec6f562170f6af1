package deploy

import "context"

// Engine is what the deployer needs of Pulumi. CLI is the real one.
type Engine interface {
	// State reads what the backend knows of a stack; a stack that does not
	// exist is no error.
	State(ctx context.Context, s Stack) (State, error)
	// Init makes an empty stack.
	Init(ctx context.Context, s Stack) error
	// Preview says what would change and writes the plan to a file, or, for a
	// stack to be removed, what would be destroyed; then there is no plan.
	Preview(ctx context.Context, s Stack, state State, planFile string) (Proposal, error)
	// Apply carries out a plan, or destroys a stack to be removed.
	Apply(ctx context.Context, s Stack, state State, planFile string) error
}

// Proposal is the outcome of a preview.
type Proposal struct {
	// Changes is the normalised diff.
	Changes []Change
	// Text is the engine's own readable diff; it masks secrets.
	Text string
}

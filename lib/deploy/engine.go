package deploy

import "context"

// Engine is what the deployer needs of Pulumi. CLI is the real one.
type Engine interface {
	// State reads what the backend knows of a stack; a stack that does not
	// exist is not an error.
	State(ctx context.Context, s Stack) (State, error)
	// Init makes an empty stack.
	Init(ctx context.Context, s Stack) error
	// Preview says what would change and writes the plan to a file, or, for a
	// stack to be removed, what would be destroyed; then there is no plan.
	Preview(ctx context.Context, s Stack, state State, planFile string) (Proposal, error)
	// Apply carries out a plan, or destroys a stack to be removed. It fails
	// with errMoved, having changed nothing, when the state is another one by
	// the time that it is the stack's turn.
	Apply(ctx context.Context, s Stack, state State, planFile string) error
	// Writer says when a state was written, and by whom where that is recorded.
	Writer(ctx context.Context, s Stack, state State) string
	// Opener returns what decrypts the secrets in plans of a stack.
	Opener(ctx context.Context, state State) Opener
}

// Proposal is the outcome of a preview.
type Proposal struct {
	// Changes is the normalised diff.
	Changes []Change
	// Idle says that carrying it out would change nothing, not even the state.
	Idle bool
	// Details says the same value by value; secrets are masked.
	Details []Detail
	// Broadened says what would newly be allowed.
	Broadened []Broadening
}

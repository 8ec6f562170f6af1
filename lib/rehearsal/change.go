package rehearsal

import (
	"context"
	"fmt"

	"delivery.internal/lib/rehearsal/github"
)

// Merge brings a change to the delivered branch as people do: one commits to a
// branch, pushes it and opens a pull request, another approves it, a third
// merges. It returns the commit on the delivered branch.
func (r *Rehearsal) Merge(ctx context.Context, message string, changes map[string][]byte) (commit string, err error) {
	number, err := r.Propose(ctx, message, changes)
	if err != nil {
		return "", err
	}
	if err := r.GitHub.Review(number, Reviewer, github.Approve); err != nil {
		return "", err
	}
	return r.GitHub.Merge(ctx, number, Merger)
}

// Propose opens a pull request with a change and returns its number.
func (r *Rehearsal) Propose(ctx context.Context, message string, changes map[string][]byte) (number int, err error) {
	commit, err := r.GitHub.Commit(message, changes)
	if err != nil {
		return 0, err
	}
	branch := "change-" + short(commit)
	if err := r.GitHub.Push(ctx, branch, Person); err != nil {
		return 0, fmt.Errorf("the branch of the change: %w", err)
	}
	return r.GitHub.Open(branch, Person, message)
}

package operator

import (
	"context"
	"fmt"

	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/github"
)

// Merge brings a change to the delivered branch as people do: one commits to a
// branch, pushes it and opens a pull request, another approves it, a third
// merges. It returns the commit on the delivered branch.
func (o *Operator) Merge(ctx context.Context, message string, changes map[string][]byte) (commit string, err error) {
	number, err := o.Propose(ctx, message, changes)
	if err != nil {
		return "", err
	}
	if err := o.rig.GitHub.Review(number, rehearsal.Reviewer, github.Approve); err != nil {
		return "", err
	}
	return o.rig.GitHub.Merge(ctx, number, rehearsal.Merger)
}

// Propose opens a pull request with a change and returns its number.
func (o *Operator) Propose(ctx context.Context, message string, changes map[string][]byte) (number int, err error) {
	commit, err := o.rig.Repository.Commit(message, changes)
	if err != nil {
		return 0, err
	}
	branch := "change-" + commit[:12]
	if err := o.rig.GitHub.Push(ctx, branch, rehearsal.Person); err != nil {
		return 0, fmt.Errorf("the branch of the change: %w", err)
	}
	return o.rig.GitHub.Open(branch, rehearsal.Person, message)
}

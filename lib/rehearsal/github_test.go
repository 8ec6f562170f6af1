package rehearsal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/github"
)

// reviewedPullRequestsOnly tries the ways around a review.
func (s *stage) reviewedPullRequestsOnly(t *testing.T) {
	head := s.rig.Repository.Head(rehearsal.Branch)
	s.startsNothing(t, func() {
		_, err := s.rig.Repository.Commit("Hide orders for a minute and a half", s.visible(t, 90))
		require.NoError(t, err)
		require.ErrorContains(t, s.rig.GitHub.Push(s.ctx, rehearsal.Branch, rehearsal.Person), "GH006: Protected branch update failed for refs/heads/main. Changes must be made through a pull request.")
	})
	number, err := s.operator.Propose(s.ctx, "Hide orders for a minute and a half", s.visible(t, 90))
	require.NoError(t, err)
	s.startsNothing(t, func() {
		_, err := s.rig.GitHub.Merge(s.ctx, number, rehearsal.Merger)
		require.ErrorContains(t, err, "At least 1 approving review is required by reviewers with write access.")
		require.ErrorContains(t, s.rig.GitHub.Review(number, rehearsal.Person, github.Approve), "Can not approve your own pull request")
	})
	require.Equal(t, head, s.rig.Repository.Head(rehearsal.Branch))
	require.NoError(t, s.rig.Repository.Checkout(rehearsal.Branch))
}

// freePlan has the platform work without what GitHub's free plan refuses to a
// private repository. A direct push is possible then, and starts the pipelines;
// the one here is of a manifest that they refuse, which ends them soon.
func (s *stage) freePlan(t *testing.T) {
	ctx := s.limit(t)
	set := func(on bool) {
		for _, key := range []string{"shared:branchProtection", "shared:repositoryEnvironments"} {
			require.NoError(t, s.operator.SetConfig("shared", key, on))
		}
	}
	set(false)
	require.NoError(t, s.operator.Platform.Up(ctx, "shared"))
	s.rig.GitHub.SetPlan(github.Free)
	set(true)
	require.Error(t, s.operator.Platform.Up(ctx, "shared"))
	require.Contains(t, s.log.tail(), "403 Upgrade to GitHub Pro or make this repository public to enable this feature.")
	set(false)
	require.NoError(t, s.operator.Platform.Up(ctx, "shared"))

	commit, err := s.rig.Repository.Commit("Deliver without a pull request", map[string][]byte{"delivery.yaml": []byte("stacks: none\n")})
	require.NoError(t, err)
	require.NoError(t, s.rig.GitHub.Push(ctx, rehearsal.Branch, rehearsal.Person))
	for _, env := range []naming.Environment{naming.Dev, naming.Staging} {
		e, err := s.operator.WaitForEnd(ctx, env, commit)
		require.NoError(t, err)
		require.Equal(t, rehearsal.Person, e.Variables[contract.VarPusher])
		require.Contains(t, s.buildsOf(e), "delivery.yaml")
	}
	require.NoError(t, s.rig.Services.Idle(ctx))

	s.rig.GitHub.SetPlan(github.Team)
	set(true)
	require.NoError(t, s.operator.Platform.Up(ctx, "shared"))
}

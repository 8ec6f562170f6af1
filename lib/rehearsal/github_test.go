package rehearsal

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/github"
)

// reviewedPullRequestsOnly tries the ways around a review.
func (s *stage) reviewedPullRequestsOnly(t *testing.T) {
	head := s.GitHub.Head(Branch)
	s.startsNothing(t, func() {
		_, err := s.GitHub.Commit("Hide orders for a minute and a half", s.visible(t, 90))
		require.NoError(t, err)
		require.ErrorContains(t, s.GitHub.Push(s.ctx, Branch, Person), "GH006: Protected branch update failed for refs/heads/main. Changes must be made through a pull request.")
	})
	number, err := s.Propose(s.ctx, "Hide orders for a minute and a half", s.visible(t, 90))
	require.NoError(t, err)
	s.startsNothing(t, func() {
		_, err := s.GitHub.Merge(s.ctx, number, Merger)
		require.ErrorContains(t, err, "At least 1 approving review is required by reviewers with write access.")
		require.ErrorContains(t, s.GitHub.Review(number, Person, github.Approve), "Can not approve your own pull request")
	})
	require.Equal(t, head, s.GitHub.Head(Branch))
	require.NoError(t, s.GitHub.Checkout(Branch))
}

// freePlan has the platform work without what GitHub's free plan refuses to a
// private repository. A direct push is possible then, and starts the pipelines;
// the one here is of a manifest that they refuse, which ends them soon.
func (s *stage) freePlan(t *testing.T) {
	ctx := s.limit(t)
	set := func(on bool) {
		for _, key := range []string{"shared:branchProtection", "shared:repositoryEnvironments"} {
			require.NoError(t, s.SetConfig("shared", key, on))
		}
	}
	set(false)
	require.NoError(t, s.Platform.Up(ctx, "shared"))
	s.GitHub.SetPlan(github.Free)
	set(true)
	require.Error(t, s.Platform.Up(ctx, "shared"))
	require.Contains(t, s.log.tail(), "403 Upgrade to GitHub Pro or make this repository public to enable this feature.")
	set(false)
	require.NoError(t, s.Platform.Up(ctx, "shared"))

	commit, err := s.GitHub.Commit("Deliver without a pull request", map[string][]byte{"delivery.yaml": []byte("stacks: none\n")})
	require.NoError(t, err)
	require.NoError(t, s.GitHub.Push(ctx, Branch, Person))
	for _, env := range []naming.Environment{naming.Dev, naming.Staging} {
		e, err := s.Ended(ctx, env, commit)
		require.NoError(t, err)
		require.Equal(t, Person, e.Variables[contract.VarPusher])
		require.Contains(t, s.buildsOf(e), "delivery.yaml")
	}
	require.NoError(t, s.Runtime.Idle(ctx))

	s.GitHub.SetPlan(github.Team)
	set(true)
	require.NoError(t, s.Platform.Up(ctx, "shared"))
}

func TestTheSampleHasTheSuffixOfTheInstallation(t *testing.T) {
	t.Parallel()
	c := cloud.New()
	r := &Rehearsal{Options: Options{Root: filepath.Join("..", ".."), Suffix: "zz99"}, Cloud: c, GitHub: github.New(c, Repository, Branch)}
	require.NoError(t, r.loadSample())
	text, _, err := r.GitHub.Archive(t.Context(), Repository, Branch)
	require.NoError(t, err)
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	settings, err := fs.Glob(archive, "*/Pulumi.*.yaml")
	require.NoError(t, err)
	require.Len(t, settings, 6)
	for _, file := range settings {
		text, err := fs.ReadFile(archive, file)
		require.NoError(t, err)
		require.Contains(t, string(text), ": zz99\n", file)
		require.NotContains(t, string(text), DefaultSuffix, file)
	}
}

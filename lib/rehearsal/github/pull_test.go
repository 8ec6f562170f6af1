package github

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-github/v74/github"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// protect deploys the protection that the platform deploys by default, with
// changes to it.
func protect(t *testing.T, s *Server, changes map[string]any) {
	t.Helper()
	reviews := map[string]any{"requiredApprovingReviewCount": 1.0, "dismissStaleReviews": true, "requireLastPushApproval": true}
	inputs := map[string]any{
		"repositoryId": "infrastructure", "pattern": "main", "enforceAdmins": true, "requireConversationResolution": true,
		"requiredPullRequestReviews": []any{reviews},
	}
	for key, value := range changes {
		if _, ofReviews := reviews[key]; ofReviews || key == "requireCodeOwnerReviews" {
			reviews[key] = value
			continue
		}
		inputs[key] = value
	}
	require.NoError(t, s.cloud.Add(&cloud.Resource{Type: typetoken.GitHubBranchProtection, ID: "BPR_" + s.newID(), Account: "github", Inputs: inputs}))
}

// team has a first commit on main, people who may write and one administrator.
func team(t *testing.T) (*Server, *hook) {
	t.Helper()
	s, h := server(t)
	for _, login := range []string{"ada", "grace", "alan"} {
		s.Grant(login, Write)
	}
	s.Grant("root", Admin)
	_, err := s.repository.Commit("first", map[string][]byte{"a": []byte("1"), "b": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))
	return s, h
}

// change pushes a commit to a branch by ada, who opens a pull request.
func change(t *testing.T, s *Server, branch string, files map[string][]byte) int {
	t.Helper()
	_, err := s.repository.Commit("Change "+branch, files)
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), branch, "ada"))
	n, err := s.Open(branch, "ada", "Change "+branch)
	require.NoError(t, err)
	return n
}

func TestAProtectedBranchTakesNoDirectPush(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rule  map[string]any
		login string
		want  string // "" where the push is accepted
	}{
		"a collaborator":                      {login: "ada", want: "GH006: Protected branch update failed for refs/heads/main. Changes must be made through a pull request."},
		"an administrator":                    {login: "root", want: "GH006"},
		"an administrator who is exempt":      {login: "root", rule: map[string]any{"enforceAdmins": false}},
		"a collaborator, without reviews":     {login: "ada", rule: map[string]any{"requiredApprovingReviewCount": 0.0}, want: "GH006"},
		"no pull request is asked for":        {login: "ada", rule: map[string]any{"requiredPullRequestReviews": []any{}}},
		"another branch is protected":         {login: "ada", rule: map[string]any{"pattern": "release/*"}},
		"a pattern that matches":              {login: "ada", rule: map[string]any{"pattern": "ma*"}, want: "GH006"},
		"the protection of other repository":  {login: "ada", rule: map[string]any{"repositoryId": "landscape"}},
		"a stranger":                          {login: "mallory", want: "Permission to acme/infrastructure.git denied to mallory"},
		"a setting that can't be played here": {login: "ada", rule: map[string]any{"lockBranch": true}, want: "does not play"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, h := team(t)
			protect(t, s, c.rule)
			head, requests := s.repository.Head("main"), len(h.requests)
			id, err := s.repository.Commit("second", map[string][]byte{"a": []byte("2")})
			require.NoError(t, err)
			err = s.Push(t.Context(), "main", c.login)
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, id, s.repository.Head("main"))
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Equal(t, head, s.repository.Head("main"), "the branch stays where it was")
			require.Len(t, h.requests, requests, "nobody is told")
		})
	}
}

func TestAMergeNeedsWhatTheProtectionAsksFor(t *testing.T) {
	t.Parallel()
	must := func(t *testing.T, errs ...error) {
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	cases := map[string]struct {
		rule   map[string]any
		before func(t *testing.T, s *Server, n int)
		by     string
		want   string
	}{
		"nobody reviewed":                   {want: "At least 1 approving review is required by reviewers with write access."},
		"an administrator is bound":         {by: "root", want: "At least 1 approving review"},
		"an administrator is exempt":        {by: "root", rule: map[string]any{"enforceAdmins": false}},
		"a stranger merges":                 {by: "mallory", want: "no write access"},
		"nobody has to review":              {rule: map[string]any{"requiredApprovingReviewCount": 0.0, "requireLastPushApproval": false}},
		"a code owner has to":               {rule: map[string]any{"requireCodeOwnerReviews": true}, want: "does not play"},
		"somebody approved":                 {before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "grace", Approve)) }},
		"somebody without write access did": {before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "mallory", Approve)) }, want: "At least 1 approving review"},
		"two have to":                       {rule: map[string]any{"requiredApprovingReviewCount": 2.0}, before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "grace", Approve)) }, want: "At least 2 approving reviews are"},
		"somebody wants changes": {before: func(t *testing.T, s *Server, n int) {
			must(t, s.Review(n, "grace", Approve), s.Review(n, "alan", RequestChanges))
		}, want: "Changes have been requested."},
		"a conversation is open": {before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "grace", Approve), s.Comment(n)) }, want: "All comments must be resolved."},
		"it was resolved": {before: func(t *testing.T, s *Server, n int) {
			must(t, s.Review(n, "grace", Approve), s.Comment(n), s.Resolve(n))
		}},
		"more was pushed after the approval":  {before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "grace", Approve), push(s, "ada")) }, want: "At least 1 approving review"},
		"the reviewer pushed, and approves":   {before: func(t *testing.T, s *Server, n int) { must(t, push(s, "grace"), s.Review(n, "grace", Approve)) }, want: "At least 1 approving review"},
		"the reviewer pushed, a third agrees": {before: func(t *testing.T, s *Server, n int) { must(t, push(s, "grace"), s.Review(n, "alan", Approve)) }},
		"an old approval stays, but does not do": {
			rule:   map[string]any{"dismissStaleReviews": false},
			before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "grace", Approve), push(s, "ada")) },
			want:   "New changes require approval from someone other than the last pusher.",
		},
		"an old approval stays, and does": {
			rule:   map[string]any{"dismissStaleReviews": false, "requireLastPushApproval": false},
			before: func(t *testing.T, s *Server, n int) { must(t, s.Review(n, "grace", Approve), push(s, "ada")) },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, h := team(t)
			protect(t, s, c.rule)
			n := change(t, s, "change", map[string][]byte{"a": []byte("2")})
			if c.before != nil {
				c.before(t, s, n)
			}
			if c.by == "" {
				c.by = "alan"
			}
			head, requests := s.repository.Head("main"), len(h.requests)
			_, err := s.Merge(t.Context(), n, c.by)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.Equal(t, head, s.repository.Head("main"))
			require.Len(t, h.requests, requests, "nobody is told")
		})
	}
}

// push adds a commit to the branch of the pull request.
func push(s *Server, login string) error {
	if _, err := s.repository.Commit("more", map[string][]byte{"c": []byte("1")}); err != nil {
		return err
	}
	return s.Push(context.Background(), "change", login)
}

func TestNobodyApprovesTheirOwnPullRequest(t *testing.T) {
	t.Parallel()
	s, _ := team(t)
	require.ErrorContains(t, s.Review(change(t, s, "change", map[string][]byte{"a": []byte("2")}), "ada", Approve), "Can not approve your own pull request")
}

func TestAMergeIsOneCommitPushedByWhoeverMerged(t *testing.T) {
	t.Parallel()
	s, h := team(t)
	before := s.repository.Head("main")
	n := change(t, s, "change", map[string][]byte{"a": []byte("2"), "b": nil})
	id, err := s.Merge(t.Context(), n, "alan")
	require.NoError(t, err)
	require.Equal(t, id, s.repository.Head("main"))
	require.NotEqual(t, s.repository.Head("change"), id)

	var e github.PushEvent
	require.NoError(t, json.Unmarshal(h.bodies[len(h.bodies)-1], &e))
	require.Equal(t, "refs/heads/main", e.GetRef())
	require.Equal(t, []string{before, id}, []string{e.GetBefore(), e.GetAfter()})
	require.Equal(t, "alan", e.GetPusher().GetName())
	require.Equal(t, "Change change (#1)", e.GetHeadCommit().GetMessage())
	require.Equal(t, []string{"a"}, e.Commits[0].Modified)
	require.Equal(t, []string{"b"}, e.Commits[0].Removed)

	_, err = s.Merge(t.Context(), n, "alan")
	require.ErrorContains(t, err, "is merged")
	_, err = s.Open("main", "ada", "Nothing")
	require.ErrorContains(t, err, "No commits between main and main")
}

func TestAMergeKeepsWhatOthersMergedMeanwhile(t *testing.T) {
	t.Parallel()
	s, _ := team(t)
	first := change(t, s, "first", map[string][]byte{"a": []byte("2")})
	require.NoError(t, s.repository.Checkout("main"))
	second := change(t, s, "second", map[string][]byte{"b": []byte("2")})
	require.NoError(t, s.repository.Checkout("main"))
	third := change(t, s, "third", map[string][]byte{"a": []byte("3")})
	for _, n := range []int{first, second} {
		_, err := s.Merge(t.Context(), n, "alan")
		require.NoError(t, err)
	}
	require.Equal(t, map[string][]byte{"a": []byte("2"), "b": []byte("2")}, s.repository.commits[s.repository.Head("main")].files)
	_, err := s.Merge(t.Context(), third, "alan")
	require.ErrorContains(t, err, "not mergeable: a was changed in main too")
}

func TestABranchIsNotMovedBackwards(t *testing.T) {
	t.Parallel()
	s, _ := team(t)
	change(t, s, "change", map[string][]byte{"a": []byte("2")})
	require.NoError(t, s.repository.Checkout("main"))
	_, err := s.repository.Commit("other", map[string][]byte{"a": []byte("3")})
	require.NoError(t, err)
	require.ErrorContains(t, s.Push(t.Context(), "change", "ada"), "non-fast-forward")
}

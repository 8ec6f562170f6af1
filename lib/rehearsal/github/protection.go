package github

import (
	"fmt"
	"path"
	"slices"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// Role is what a person may do in the repository.
type Role string

// The roles that matter here. Whoever has none may read.
const (
	Write Role = "write"
	Admin Role = "admin"
)

// Grant makes a person a collaborator.
func (s *Server) Grant(login string, role Role) {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	s.people[login] = role
}

// Plan is what the owner of the repository pays for.
type Plan string

// The plans that differ for a private repository.
const (
	Free Plan = "free"
	Team Plan = "team"
)

// SetPlan makes the repository a private one of a plan. Before that GitHub
// refuses no feature for its price.
func (s *Server) SetPlan(plan Plan) {
	s.cloud.Remove("github", typetoken.GitHubRepository, s.name())
	// It was just removed, so that nothing can be in the way.
	_ = s.cloud.Add(&cloud.Resource{
		Type: typetoken.GitHubRepository, ID: s.name(), Account: "github", Name: s.name(), Seed: true,
		Inputs: map[string]any{"visibility": "private", "plan": string(plan)},
	})
}

func (s *Server) name() string { return path.Base(s.repository.name) }

// rule is a branch protection rule, as it was deployed. The rules are those of
// docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches
type rule struct{ *cloud.Resource }

// notPlayed are settings of a rule that this server would have to leave out.
var notPlayed = []string{
	"lockBranch", "requireSignedCommits", "requiredStatusChecks", "restrictPushes", "forcePushBypassers",
	"requiredPullRequestReviews.0.requireCodeOwnerReviews", "requiredPullRequestReviews.0.restrictDismissals",
	"requiredPullRequestReviews.0.dismissalRestrictions", "requiredPullRequestReviews.0.pullRequestBypassers",
}

// branchRule returns the rule that applies to a branch, nil where none does. A rule
// that names the branch goes before one with a pattern, in which * does not
// match a slash; else the oldest applies.
func (s *Server) branchRule(branch string) *rule {
	mine := s.cloud.Find("github", typetoken.GitHubBranchProtection, func(r *cloud.Resource) bool {
		match, err := path.Match(r.Str("pattern"), branch)
		return r.Str("repositoryId") == s.name() && err == nil && match
	})
	if len(mine) == 0 {
		return nil
	}
	if i := slices.IndexFunc(mine, func(r *cloud.Resource) bool { return r.Str("pattern") == branch }); i >= 0 {
		return &rule{mine[i]}
	}
	return &rule{mine[0]}
}

// isOn says whether a setting is on.
func (r *rule) isOn(setting string) bool {
	switch v := r.Value(setting).(type) {
	case bool:
		return v
	case []any:
		return len(v) > 0
	}
	return false
}

// requiredReviews is how many approvals a change needs; ok says whether it has to be a
// pull request at all.
func (r *rule) requiredReviews() (n int, ok bool) {
	if !r.isOn("requiredPullRequestReviews") {
		return 0, false
	}
	count, _ := r.Value("requiredPullRequestReviews.0.requiredApprovingReviewCount").(float64)
	return int(count), true
}

// bindsPerson says whether the rule applies to a person: not to administrators,
// unless it includes them.
func (r *rule) bindsPerson(role Role) bool { return role != Admin || r.isOn("enforceAdmins") }

// checkEmulated refuses a rule that asks for more than is played here.
func (r *rule) checkEmulated() error {
	for _, setting := range notPlayed {
		if r.isOn(setting) {
			return fmt.Errorf("github: the protection of %s asks for %s, which the local GitHub does not play", r.Str("pattern"), setting)
		}
	}
	return nil
}

// mayPush refuses what GitHub refuses to a person who pushes to a branch. It
// is called with the lock held.
func (s *Server) mayPush(branch, login string) error {
	if s.people[login] == "" {
		//lint:ignore ST1005 GitHub's words
		return fmt.Errorf("github: Permission to %s.git denied to %s.", s.repository.name, login)
	}
	r := s.branchRule(branch)
	if r == nil {
		return nil
	}
	if err := r.checkEmulated(); err != nil {
		return err
	}
	if _, pull := r.requiredReviews(); pull && r.bindsPerson(s.people[login]) {
		return fmt.Errorf("github: GH006: Protected branch update failed for refs/heads/%s. Changes must be made through a pull request. (protected branch hook declined)", branch)
	}
	return nil
}

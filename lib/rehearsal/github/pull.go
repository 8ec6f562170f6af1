package github

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
)

// Verdict is the outcome of a review.
type Verdict string

// The verdicts of a review.
const (
	Approve        Verdict = "APPROVE"
	RequestChanges Verdict = "REQUEST_CHANGES"
)

// review is the last word of a reviewer.
type review struct {
	verdict Verdict
	commit  string // head of the branch that was reviewed
}

// pull is a pull request to the delivered branch.
type pull struct {
	number                int
	branch, title, author string
	head, pusher          string // last commit, and who pushed it
	reviews               map[string]review
	open                  bool
	conversations         int // that are not resolved
}

// Open opens a pull request from a branch to the delivered one.
func (s *Server) Open(branch, author, title string) (number int, err error) {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	head := s.repository.branches[branch]
	switch {
	case s.people[author] == "":
		return 0, s.readOnly(author)
	case head == "":
		return 0, fmt.Errorf("github: %s has no branch %q", s.repository.name, branch)
	case s.repository.branches[s.repository.branch] == "":
		return 0, fmt.Errorf("github: %s has no branch %q to merge into", s.repository.name, s.repository.branch)
	case s.repository.history(s.repository.branches[s.repository.branch])[head]:
		return 0, fmt.Errorf("github: 422: No commits between %s and %s", s.repository.branch, branch)
	}
	p := &pull{number: len(s.pulls) + 1, branch: branch, title: title, author: author, head: head, pusher: author, reviews: map[string]review{}, open: true}
	s.pulls = append(s.pulls, p)
	s.addToJournal(fmt.Sprintf("%s opened pull request #%d: %s", author, p.number, title), map[string]any{"commit": head})
	return p.number, nil
}

// Review records what a person says of a pull request.
func (s *Server) Review(number int, login string, verdict Verdict) error {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	p, err := s.pull(number)
	if err != nil {
		return err
	}
	if login == p.author {
		return fmt.Errorf("github: 422: Can not %s your own pull request", map[Verdict]string{Approve: "approve", RequestChanges: "request changes on"}[verdict])
	}
	p.reviews[login] = review{verdict, p.head}
	s.addToJournal(fmt.Sprintf("%s reviewed pull request #%d: %s", login, number, verdict), nil)
	return nil
}

// Comment begins a conversation on a line of a pull request.
func (s *Server) Comment(number int) error { return s.changeConversations(number, 1) }

// Resolve ends one.
func (s *Server) Resolve(number int) error { return s.changeConversations(number, -1) }

func (s *Server) changeConversations(number, change int) error {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	p, err := s.pull(number)
	if err != nil {
		return err
	}
	if p.conversations+change < 0 {
		return fmt.Errorf("github: pull request #%d has no open conversation", number)
	}
	p.conversations += change
	return nil
}

// Merge squashes a pull request into one commit on the delivered branch, tells
// the webhooks of a push by whoever merged, and returns the commit.
func (s *Server) Merge(ctx context.Context, number int, login string) (string, error) {
	body, commit, err := s.merge(number, login)
	if err != nil {
		return "", err
	}
	return commit, s.sendEvent(ctx, "push", body, goodSignature)
}

func (s *Server) merge(number int, login string) (body []byte, id string, err error) {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	p, err := s.pull(number)
	if err != nil {
		return nil, "", err
	}
	if err := s.mayMerge(p, login); err != nil {
		return nil, "", err
	}
	before := s.repository.branches[s.repository.branch]
	files, err := s.mergedFiles(p, before)
	if err != nil {
		return nil, "", err
	}
	p.open = false
	s.repository.newest = before // the squashed commit follows the delivered branch
	id = s.repository.addCommit(files, fmt.Sprintf("%s (#%d)", p.title, number))
	s.repository.branches[s.repository.branch] = id
	s.addToJournal(fmt.Sprintf("%s merged pull request #%d as %s into %s", login, number, id[:12], s.repository.branch), map[string]any{"commit": id, "branch": s.repository.branch})
	body, err = s.pushPayload(s.repository.branch, before, id, login)
	return body, id, err
}

// mayMerge refuses what GitHub refuses, all reasons in one answer. It is
// called with the lock held.
func (s *Server) mayMerge(p *pull, login string) error {
	role := s.people[login]
	if role == "" {
		return s.readOnly(login)
	}
	r := s.branchRule(s.repository.branch)
	if r == nil {
		return nil
	}
	if err := r.checkEmulated(); err != nil {
		return err
	}
	var reasons []string
	if r.isOn("requireConversationResolution") && p.conversations > 0 {
		reasons = append(reasons, "All comments must be resolved.")
	}
	if n, required := r.requiredReviews(); required {
		reasons = append(reasons, s.missingReviews(p, r, n)...)
	}
	if len(reasons) == 0 || !r.bindsPerson(role) {
		return nil
	}
	return fmt.Errorf("github: 405: %s", strings.Join(reasons, " "))
}

// missingReviews says what is missing in a pull request's reviews. Only those of people
// with write access count.
func (s *Server) missingReviews(p *pull, r *rule, required int) (reasons []string) {
	last := r.isOn("requiredPullRequestReviews.0.requireLastPushApproval")
	approvals, ofHead, rejected := 0, false, false
	for login, review := range p.reviews {
		switch {
		case s.people[login] == "":
		case review.verdict == RequestChanges:
			rejected = true
		case last && login == p.pusher:
			// The pusher's own approval isn't one: see #3190 of
			// github.com/strands-labs/robots, which measured it.
		default:
			approvals++
			ofHead = ofHead || review.commit == p.head
		}
	}
	if rejected {
		reasons = append(reasons, "Changes have been requested.")
	}
	if approvals < required {
		reasons = append(reasons, fmt.Sprintf("At least %d approving %s required by reviewers with write access.", required, plural(required)))
	} else if last && !ofHead {
		reasons = append(reasons, "New changes require approval from someone other than the last pusher.")
	}
	return reasons
}

func plural(n int) string {
	if n == 1 {
		return "review is"
	}
	return "reviews are"
}

// notePush notes a push to the branch of an open pull request. Approvals of what
// was there before are dismissed where the rule wants that.
func (p *pull) notePush(branch, pusher string, r *rule, head string) {
	if !p.open || p.branch != branch || p.head == head {
		return
	}
	p.head, p.pusher = head, pusher
	if r != nil && r.isOn("requiredPullRequestReviews.0.dismissStaleReviews") {
		maps.DeleteFunc(p.reviews, func(_ string, v review) bool { return v.verdict == Approve })
	}
}

// mergedFiles are the files of the delivered branch with what the pull request
// changes in them. Whole files are compared: two changes of one file conflict.
func (s *Server) mergedFiles(p *pull, onto string) (map[string][]byte, error) {
	ours, base := s.repository.history(onto), s.repository.commits[p.head]
	for base != nil && !ours[base.id] {
		base = s.repository.commits[base.parent]
	}
	var old map[string][]byte
	if base != nil {
		old = base.files
	}
	files, theirs := maps.Clone(s.repository.commits[onto].files), s.repository.commits[p.head].files
	for path := range union(old, theirs) {
		if same(old, theirs, path) || same(files, theirs, path) {
			continue
		}
		if !same(old, files, path) {
			return nil, fmt.Errorf("github: 405: Pull Request is not mergeable: %s was changed in %s too", path, s.repository.branch)
		}
		if text, kept := theirs[path]; kept {
			files[path] = text
		} else {
			delete(files, path)
		}
	}
	return files, nil
}

func union(a, b map[string][]byte) map[string][]byte {
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}

func same(a, b map[string][]byte, path string) bool {
	x, inA := a[path]
	y, inB := b[path]
	return inA == inB && bytes.Equal(x, y)
}

// pull is called with the lock held.
func (s *Server) pull(number int) (*pull, error) {
	if number < 1 || number > len(s.pulls) {
		return nil, fmt.Errorf("github: there is no pull request #%d", number)
	}
	if p := s.pulls[number-1]; p.open {
		return p, nil
	}
	return nil, fmt.Errorf("github: pull request #%d is merged", number)
}

func (s *Server) readOnly(login string) error {
	return fmt.Errorf("github: 403: %s has no write access to %s", login, s.repository.name)
}

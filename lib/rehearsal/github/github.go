package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"delivery.internal/lib/rehearsal/cloud"
)

// Server emulates GitHub for one repository. The repository's lock guards it.
type Server struct {
	cloud      *cloud.Cloud
	repository *Repository
	transport  http.RoundTripper
	people     map[string]Role // collaborators by login
	pulls      []*pull         // pull requests; the first is number 1
	deliveries []Delivery
}

// New serves a repository; transport is the way to the URLs of webhooks.
// Nobody may write to the repository yet.
func New(c *cloud.Cloud, repository *Repository, transport http.RoundTripper) *Server {
	s := &Server{cloud: c, repository: repository, transport: transport, people: map[string]Role{}}
	c.OnChange(s.pingNewHook)
	return s
}

// Push moves a branch to the newest commit and tells the webhooks. It is an
// error when GitHub refuses the push, as on a protected branch, or when there
// is nobody to tell; an answer of a webhook that refuses is in Deliveries.
func (s *Server) Push(ctx context.Context, branch, pusher string) error {
	body, err := s.pushBody(branch, pusher)
	if err != nil {
		return err
	}
	return s.sendEvent(ctx, "push", body, goodSignature)
}

func (s *Server) pushBody(branch, pusher string) ([]byte, error) {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	if s.repository.newest == "" {
		return nil, errors.New("github: there is nothing to push")
	}
	if err := s.mayPush(branch, pusher); err != nil {
		return nil, err
	}
	before := s.repository.branches[branch]
	if before != "" && !s.repository.history(s.repository.newest)[before] {
		return nil, fmt.Errorf("github: ! [rejected] %s -> %s (non-fast-forward)", branch, branch)
	}
	s.repository.branches[branch] = s.repository.newest
	for _, p := range s.pulls {
		p.notePush(branch, pusher, s.branchRule(s.repository.branch), s.repository.newest)
	}
	s.addToJournal(fmt.Sprintf("%s pushed %s to %s", pusher, s.repository.newest[:12], branch), map[string]any{"commit": s.repository.newest, "branch": branch})
	return s.pushPayload(branch, before, s.repository.newest, pusher)
}

func (s *Server) addToJournal(what string, fields map[string]any) {
	s.cloud.Journal.Add(cloud.Event{Kind: "github", Subject: s.repository.name, Message: what, Fields: fields})
}

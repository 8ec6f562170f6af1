package github

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
)

const hookType = "github:index/repositoryWebhook:RepositoryWebhook"

// zero is the commit before the first.
var zero = strings.Repeat("0", 40)

// commit is a state of the repository.
type commit struct {
	id, parent, message string
	files               map[string][]byte
	at                  time.Time
}

// Server plays GitHub for one repository.
type Server struct {
	cloud      *cloud.Cloud
	repository string
	branch     string

	mu         sync.Mutex
	transport  http.RoundTripper
	commits    map[string]*commit
	branches   map[string]string // commit by branch
	newest     string            // commit that the next one is based on
	people     map[string]Role   // collaborators by login
	pulls      []*pull           // pull requests; the first is number 1
	deliveries []Delivery
}

// New returns an empty repository, "owner/name", with its delivered branch.
// Nobody may write to it yet.
func New(c *cloud.Cloud, repository, branch string) *Server {
	s := &Server{cloud: c, repository: repository, branch: branch, commits: map[string]*commit{}, branches: map[string]string{}, people: map[string]Role{}}
	c.OnChange(s.hooked)
	return s
}

// SetTransport sets the way to the URLs of webhooks.
func (s *Server) SetTransport(t http.RoundTripper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transport = t
}

// Load makes the delivered branch of a folder's files, each as edit returns it,
// as it was before there was any webhook.
func (s *Server) Load(dir, message string, edit func(path string, text []byte) []byte) (string, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = edit(filepath.ToSlash(rel), text)
		return err
	})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.branches[s.branch] = s.add(files, message)
	return s.newest, nil
}

// Commit changes files of the newest commit; a nil content removes a file.
func (s *Server) Commit(message string, changes map[string][]byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := map[string][]byte{}
	if c := s.commits[s.newest]; c != nil {
		files = maps.Clone(c.files)
	}
	for path, content := range changes {
		if content == nil {
			delete(files, path)
			continue
		}
		files[path] = content
	}
	if len(files) == 0 {
		return "", errors.New("github: a commit without files")
	}
	return s.add(files, message), nil
}

// Checkout makes the head of a branch what the next commit is based on.
func (s *Server) Checkout(branch string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.branches[branch] == "" {
		return fmt.Errorf("github: %s has no branch %q", s.repository, branch)
	}
	s.newest = s.branches[branch]
	return nil
}

// add is called with the lock held.
func (s *Server) add(files map[string][]byte, message string) string {
	c := &commit{parent: s.newest, message: message, files: files, at: s.cloud.Now()}
	h := sha1.New() //nolint:gosec // git's own hash
	fmt.Fprintf(h, "%s\n%s\n%d\n", c.parent, message, len(s.commits))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %x\n", path, sha256.Sum256(files[path]))
	}
	c.id = hex.EncodeToString(h.Sum(nil))
	s.commits[c.id], s.newest = c, c.id
	return c.id
}

// Push moves a branch to the newest commit and tells the webhooks. It is an
// error when GitHub refuses the push, as on a protected branch, or when there
// is nobody to tell; an answer of a webhook that refuses is in Deliveries.
func (s *Server) Push(ctx context.Context, branch, pusher string) error {
	body, err := s.push(branch, pusher)
	if err != nil {
		return err
	}
	return s.send(ctx, "push", body, goodSignature)
}

// Head is the commit of a branch, "" where the branch does not exist.
func (s *Server) Head(branch string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.branches[branch]
}

func (s *Server) push(branch, pusher string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == "" {
		return nil, errors.New("github: there is nothing to push")
	}
	if err := s.mayPush(branch, pusher); err != nil {
		return nil, err
	}
	before := s.branches[branch]
	if before != "" && !s.history(s.newest)[before] {
		return nil, fmt.Errorf("github: ! [rejected] %s -> %s (non-fast-forward)", branch, branch)
	}
	s.branches[branch] = s.newest
	for _, p := range s.pulls {
		p.pushed(branch, pusher, s.rule(s.branch), s.newest)
	}
	s.note(fmt.Sprintf("%s pushed %s to %s", pusher, s.newest[:12], branch), map[string]any{"commit": s.newest, "branch": branch})
	return s.payload(branch, before, s.newest, pusher)
}

// history is a commit and everything before it. It is called with the lock held.
func (s *Server) history(id string) map[string]bool {
	out := map[string]bool{}
	for c := s.commits[id]; c != nil; c = s.commits[c.parent] {
		out[c.id] = true
	}
	return out
}

func (s *Server) note(what string, fields map[string]any) {
	s.cloud.Journal.Add(cloud.Event{Kind: "github", Subject: s.repository, Message: what, Fields: fields})
}

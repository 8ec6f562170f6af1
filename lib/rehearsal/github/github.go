// Package github plays GitHub for the rehearsal: a repository with commits and
// branches, webhooks as they are deployed, signed deliveries, and the archives
// that a source connection fetches.
package github

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v74/github"

	"delivery/lib/rehearsal/cloud"
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

// Delivery is one request that a webhook made, and its answer.
type Delivery struct {
	ID, Event string
	Status    int    // HTTP status, 0 where nobody answered
	Answer    string // body, or the error
	body      []byte
	hook      string
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
	deliveries []Delivery
}

// New returns an empty repository, "owner/name", with its delivered branch.
func New(c *cloud.Cloud, repository, branch string) *Server {
	s := &Server{cloud: c, repository: repository, branch: branch, commits: map[string]*commit{}, branches: map[string]string{}}
	c.OnChange(s.hooked)
	return s
}

// SetTransport sets the way to the URLs of webhooks.
func (s *Server) SetTransport(t http.RoundTripper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transport = t
}

// hooked sends a ping to a new webhook, as GitHub does.
func (s *Server) hooked(change cloud.Change, r *cloud.Resource) {
	if change != cloud.Created || r.Type != hookType {
		return
	}
	body, err := json.Marshal(map[string]any{"zen": "Practicality beats purity.", "hook_id": 1})
	if err == nil {
		s.deliver(context.Background(), r, "ping", body, false)
	}
}

// Load makes the delivered branch of a folder's files, as it was before there
// was any webhook.
func (s *Server) Load(dir, message string) (string, error) {
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
		files[filepath.ToSlash(rel)] = text
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

// Push moves a branch to the newest commit and tells the webhooks. The error
// is about the sending: an answer that refuses is in Deliveries.
func (s *Server) Push(ctx context.Context, branch, pusher string) error {
	body, err := s.push(branch, pusher)
	if err != nil {
		return err
	}
	return s.send(ctx, "push", body, false)
}

// Forge moves nothing and sends a push to the delivered branch with a wrong
// signature.
func (s *Server) Forge(ctx context.Context, pusher string) error {
	s.mu.Lock()
	body, err := s.payload(s.branch, s.branches[s.branch], s.newest, pusher)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.send(ctx, "push", body, true)
}

// Redeliver sends a delivery again, with the body and signature that it had.
func (s *Server) Redeliver(ctx context.Context, id string) error {
	for _, d := range s.Deliveries() {
		if d.ID == id {
			return s.send(ctx, d.Event, d.body, false)
		}
	}
	return fmt.Errorf("github: there is no delivery %q", id)
}

// Deliveries returns all deliveries, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
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
	before := s.branches[branch]
	s.branches[branch] = s.newest
	s.cloud.Journal.Add(cloud.Event{Kind: "github", Subject: s.repository, Message: fmt.Sprintf("%s pushed %s to %s", pusher, s.newest[:12], branch),
		Fields: map[string]any{"commit": s.newest, "branch": branch}})
	return s.payload(branch, before, s.newest, pusher)
}

// payload is the body of a push event. It is called with the lock held.
func (s *Server) payload(branch, before, after, pusher string) ([]byte, error) {
	if before == "" {
		before = zero
	}
	owner, name, _ := strings.Cut(s.repository, "/")
	head := &github.HeadCommit{ID: &after}
	if c := s.commits[after]; c != nil {
		head.Message = &c.message
		head.Added, head.Removed, head.Modified = s.difference(before, c)
	}
	at := github.Timestamp{Time: s.cloud.Now().UTC().Truncate(time.Second)}
	ref := "refs/heads/" + branch
	return json.Marshal(github.PushEvent{
		Ref: &ref, Before: &before, After: &after, Deleted: github.Ptr(false), Forced: github.Ptr(false),
		Repo:       &github.PushEventRepository{Name: &name, FullName: &s.repository, Owner: &github.User{Login: &owner}, PushedAt: &at},
		HeadCommit: head, Commits: []*github.HeadCommit{head},
		Pusher: &github.CommitAuthor{Name: &pusher}, Sender: &github.User{Login: &pusher},
	})
}

func (s *Server) difference(before string, c *commit) (added, removed, modified []string) {
	var old map[string][]byte
	if b := s.commits[before]; b != nil {
		old = b.files
	}
	for path, text := range c.files {
		was, had := old[path]
		switch {
		case !had:
			added = append(added, path)
		case !bytes.Equal(was, text):
			modified = append(modified, path)
		}
	}
	for path := range old {
		if _, has := c.files[path]; !has {
			removed = append(removed, path)
		}
	}
	slices.Sort(added)
	slices.Sort(removed)
	slices.Sort(modified)
	return added, removed, modified
}

// send delivers an event to every active webhook that wants it.
func (s *Server) send(ctx context.Context, event string, body []byte, forged bool) error {
	_, name, _ := strings.Cut(s.repository, "/")
	hooks := s.cloud.Find("", hookType, func(r *cloud.Resource) bool {
		events, _ := r.Value("events").([]any)
		return r.Str("repository") == name && r.Value("active") == true && slices.Contains(events, any(event))
	})
	if len(hooks) == 0 {
		return fmt.Errorf("github: no webhook of %s wants %s", s.repository, event)
	}
	for _, h := range hooks {
		s.deliver(ctx, h, event, body, forged)
	}
	return nil
}

// timeout is how long GitHub waits for an answer.
const timeout = 10 * time.Second

func (s *Server) deliver(ctx context.Context, hook *cloud.Resource, event string, body []byte, forged bool) {
	n := s.cloud.Serial()
	d := Delivery{ID: fmt.Sprintf("%08x-0000-11ef-8000-%012x", n, n), Event: event, body: body, hook: hook.ID}
	status, answer, err := s.request(ctx, hook, d, forged)
	d.Status, d.Answer = status, answer
	if err != nil {
		d.Answer = err.Error()
	}
	s.mu.Lock()
	s.deliveries = append(s.deliveries, d)
	s.mu.Unlock()
	s.cloud.Journal.Add(cloud.Event{Kind: "github", Subject: s.repository, Message: fmt.Sprintf("%s delivered: %d %s", event, d.Status, d.Answer),
		Fields: map[string]any{"delivery": d.ID, "event": event, "status": d.Status}})
}

func (s *Server) request(ctx context.Context, hook *cloud.Resource, d Delivery, forged bool) (int, string, error) {
	s.mu.Lock()
	client := &http.Client{Transport: s.transport, Timeout: timeout}
	missing := s.transport == nil
	s.mu.Unlock()
	if missing {
		return 0, "", errors.New("no way to the webhook")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.Str("configuration.url"), bytes.NewReader(d.body))
	if err != nil {
		return 0, "", err
	}
	mac := hmac.New(sha256.New, []byte(hook.Str("configuration.secret")))
	mac.Write(d.body)
	if forged {
		mac.Write([]byte("forged"))
	}
	media := "application/json"
	if hook.Str("configuration.contentType") != "json" {
		media = "application/x-www-form-urlencoded"
	}
	for k, v := range map[string]string{
		"Content-Type": media, "User-Agent": "GitHub-Hookshot/rehearsal", "X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.ID,
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)), "X-GitHub-Hook-ID": hook.ID,
	} {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, string(text), err
}

// Archive returns the files at a commit or at the head of a branch, as a zip
// archive without a folder around them (output format CODE_ZIP).
func (s *Server) Archive(_ context.Context, repository, commitOrBranch string) (archive []byte, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.EqualFold(repository, s.repository) {
		return nil, "", fmt.Errorf("github: repository %s does not exist or the connection can't see it", repository)
	}
	id = commitOrBranch
	if head, ok := s.branches[commitOrBranch]; ok {
		id = head
	}
	c := s.commits[id]
	if c == nil {
		return nil, "", fmt.Errorf("github: %s has no branch or commit %q", repository, commitOrBranch)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		f, err := w.Create(path)
		if err != nil {
			return nil, "", err
		}
		if _, err := f.Write(c.files[path]); err != nil {
			return nil, "", err
		}
	}
	err = w.Close()
	return b.Bytes(), id, err
}

// Describe returns the message and the time of a commit.
func (s *Server) Describe(_, id string) (message string, authored time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.commits[id]; c != nil {
		return c.message, c.at, true
	}
	return "", time.Time{}, false
}

package github

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
)

// zero is the commit before the first.
var zero = strings.Repeat("0", 40)

// commit is a state of the repository.
type commit struct {
	id, parent, message string
	files               map[string][]byte
	at                  time.Time
}

// Repository is a repository with its branches, as git has it.
type Repository struct {
	name   string // owner/name
	branch string // that is delivered
	now    func() time.Time

	mu       sync.Mutex
	commits  map[string]*commit
	branches map[string]string // commit by branch
	newest   string            // commit that the next one is based on
}

// NewRepository returns an empty repository, "owner/name", with its delivered
// branch.
func NewRepository(c *cloud.Cloud, name, branch string) *Repository {
	return &Repository{name: name, branch: branch, now: func() time.Time { return c.Now() }, commits: map[string]*commit{}, branches: map[string]string{}}
}

// Load makes the delivered branch of a folder's files, each as edit returns it,
// as it was before there was any webhook.
func (r *Repository) Load(dir, message string, edit func(path string, text []byte) []byte) (string, error) {
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
	r.mu.Lock()
	defer r.mu.Unlock()
	r.branches[r.branch] = r.addCommit(files, message)
	return r.newest, nil
}

// Commit changes files of the newest commit; a nil content removes a file.
func (r *Repository) Commit(message string, changes map[string][]byte) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	files := map[string][]byte{}
	if c := r.commits[r.newest]; c != nil {
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
	return r.addCommit(files, message), nil
}

// Checkout makes the head of a branch what the next commit is based on.
func (r *Repository) Checkout(branch string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.branches[branch] == "" {
		return fmt.Errorf("github: %s has no branch %q", r.name, branch)
	}
	r.newest = r.branches[branch]
	return nil
}

// addCommit is called with the lock held.
func (r *Repository) addCommit(files map[string][]byte, message string) string {
	c := &commit{parent: r.newest, message: message, files: files, at: r.now()}
	h := sha1.New() //nolint:gosec // git's own hash
	fmt.Fprintf(h, "%s\n%s\n%d\n", c.parent, message, len(r.commits))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %x\n", path, sha256.Sum256(files[path]))
	}
	c.id = hex.EncodeToString(h.Sum(nil))
	r.commits[c.id], r.newest = c, c.id
	return c.id
}

// Head is the commit of a branch, "" where the branch does not exist.
func (r *Repository) Head(branch string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.branches[branch]
}

// history is a commit and everything before it. It is called with the lock held.
func (r *Repository) history(id string) map[string]bool {
	out := map[string]bool{}
	for c := r.commits[id]; c != nil; c = r.commits[c.parent] {
		out[c.id] = true
	}
	return out
}

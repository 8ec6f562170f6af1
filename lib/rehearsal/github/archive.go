package github

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Archive returns the files at a commit or at the head of a branch, as a zip
// archive without a folder around them (output format CODE_ZIP).
func (r *Repository) Archive(_ context.Context, repository, commitOrBranch string) (archive []byte, id string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !strings.EqualFold(repository, r.name) {
		return nil, "", fmt.Errorf("github: repository %s does not exist or the connection can't see it", repository)
	}
	id = commitOrBranch
	if head, ok := r.branches[commitOrBranch]; ok {
		id = head
	}
	c := r.commits[id]
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
func (r *Repository) Describe(_, id string) (message string, authored time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.commits[id]; c != nil {
		return c.message, c.at, true
	}
	return "", time.Time{}, false
}

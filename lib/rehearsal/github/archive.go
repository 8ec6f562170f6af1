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

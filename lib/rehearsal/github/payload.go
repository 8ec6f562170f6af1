package github

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v74/github"
)

// pushPayload is the body of a push event. It is called with the lock held.
func (s *Server) pushPayload(branch, before, after, pusher string) ([]byte, error) {
	if before == "" {
		before = zero
	}
	owner, name, _ := strings.Cut(s.repository.name, "/")
	head := &github.HeadCommit{ID: &after}
	if c := s.repository.commits[after]; c != nil {
		head.Message = &c.message
		head.Added, head.Removed, head.Modified = s.changedFiles(before, c)
	}
	at := github.Timestamp{Time: s.cloud.Now().UTC().Truncate(time.Second)}
	ref := "refs/heads/" + branch
	text, err := json.Marshal(github.PushEvent{
		Ref: &ref, Before: &before, After: &after, Created: github.Ptr(before == zero), Deleted: github.Ptr(false), Forced: github.Ptr(false),
		Repo:       &github.PushEventRepository{Name: &name, FullName: &s.repository.name, Owner: &github.User{Login: &owner}, PushedAt: &at},
		HeadCommit: head, Commits: []*github.HeadCommit{head},
		Pusher: &github.CommitAuthor{Name: &pusher}, Sender: &github.User{Login: &pusher},
	})
	if err != nil {
		return nil, err
	}
	// In push events, and there only, GitHub writes this date as a number.
	return bytes.Replace(text, []byte(strconv.Quote(at.Format(time.RFC3339))), []byte(strconv.FormatInt(at.Unix(), 10)), 1), nil
}

func (s *Server) changedFiles(before string, c *commit) (added, removed, modified []string) {
	var old map[string][]byte
	if b := s.repository.commits[before]; b != nil {
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

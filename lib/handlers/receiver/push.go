package receiver

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-github/v74/github"

	"delivery.internal/lib/contract"
)

const (
	// maxPaths bounds contract.Push.Paths.
	maxPaths = 200
	// maxDetail keeps the whole entry well under the 256 KB of PutEvents, which
	// counts source, detail type and detail.
	maxDetail = 200 << 10
	// webhookCommits is the number of commits at which GitHub cuts the list in
	// a push event.
	webhookCommits = 2048
)

// compact keeps what the pipelines need. The repository and the branch are the
// configured spelling, because the rules on the bus compare them literally.
func (h *Handler) compact(id string, e *github.PushEvent) contract.Push {
	paths := changed(e.GetCommits())
	more := len(e.GetCommits()) >= webhookCommits || e.GetForced()
	if len(paths) > maxPaths {
		paths, more = paths[:maxPaths], true
	}
	return contract.Push{
		Delivery:   id,
		Repository: h.Repository,
		Ref:        "refs/heads/" + h.Branch,
		Branch:     h.Branch,
		Before:     e.GetBefore(),
		Commit:     e.GetAfter(),
		Pusher:     pusher(e),
		Paths:      paths,
		MorePaths:  more,
	}
}

// pusher is the login of who pushed. Unset stands in for an empty one, which a
// pipeline variable refuses.
func pusher(e *github.PushEvent) string {
	for _, login := range []string{e.GetPusher().GetName(), e.GetSender().GetLogin()} {
		if login != "" {
			return login
		}
	}
	return contract.Unset
}

// changed lists the paths that the commits touched, each once, sorted.
func changed(commits []*github.HeadCommit) []string {
	seen := map[string]bool{}
	for _, c := range commits {
		if c == nil {
			continue
		}
		for _, p := range slices.Concat(c.Added, c.Removed, c.Modified) {
			seen[p] = true
		}
	}
	return slices.AppendSeq(make([]string, 0, len(seen)), maps.Keys(seen))
}

// encode renders the push as an event's detail, with as many paths as fit.
func encode(p contract.Push) ([]byte, error) {
	slices.Sort(p.Paths)
	for {
		b, err := json.Marshal(p)
		if err != nil || len(b) <= maxDetail {
			return b, err
		}
		if len(p.Paths) == 0 {
			return nil, fmt.Errorf("the event has %d bytes without any path, more than %d", len(b), maxDetail)
		}
		p.Paths, p.MorePaths = p.Paths[:len(p.Paths)/2], true
	}
}

// isZero says whether s is the id that GitHub gives for "no commit".
func isZero(s string) bool { return s != "" && strings.Trim(s, "0") == "" }

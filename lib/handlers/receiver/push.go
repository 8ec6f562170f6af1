package receiver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

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

// event is what is read of a push event; see
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
type event struct {
	ref, before, after string
	deleted, forced    bool
	repository         string    // owner/name
	pushedAt           time.Time // zero where the event does not say
	pusher, sender     string
	commits            gjson.Result // not looked into before the push is known to be wanted
}

// scanner reads values of a JSON document that is known to be valid, and
// remembers whether one had another type than it should. A missing or null value
// is the zero one, as GitHub leaves out what does not apply.
type scanner struct{ bad bool }

// parse reads a push event. It validates the whole document once and then only
// scans for the few fields: decoding it costs many times the signature's check.
func parse(body []byte) (event, bool) {
	if !valid(body) {
		return event{}, false
	}
	root := gjson.ParseBytes(body)
	var s scanner
	var e event
	s.each(root, func(key string, v gjson.Result) {
		switch key {
		case "ref":
			e.ref = s.text(v)
		case "before":
			e.before = s.text(v)
		case "after":
			e.after = s.text(v)
		case "deleted":
			e.deleted = s.flag(v)
		case "forced":
			e.forced = s.flag(v)
		case "repository":
			e.repository, e.pushedAt = s.repository(v)
		case "pusher":
			e.pusher = s.text(v.Get("name"))
		case "sender":
			e.sender = s.text(v.Get("login"))
		case "commits":
			e.commits = v
		}
	})
	return e, !s.bad && root.IsObject()
}

// maxBrackets is where a document is left to encoding/json, which bounds how
// deep values are nested: each bracket may be a call on the stack of gjson.
const maxBrackets = 100_000

func valid(body []byte) bool {
	if bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) > maxBrackets && !json.Valid(body) {
		return false
	}
	return gjson.ValidBytes(body)
}

// each calls f for the members of an object. Of a name that is there twice the
// last one counts, as in encoding/json.
func (s *scanner) each(v gjson.Result, f func(key string, v gjson.Result)) {
	if v.Type == gjson.Null {
		return
	}
	s.bad = s.bad || !v.IsObject()
	v.ForEach(func(key, v gjson.Result) bool {
		f(key.Str, v)
		return true
	})
}

func (s *scanner) text(v gjson.Result) string {
	s.bad = s.bad || v.Type != gjson.String && v.Type != gjson.Null
	return v.Str
}

func (s *scanner) flag(v gjson.Result) bool {
	s.bad = s.bad || !v.IsBool() && v.Type != gjson.Null
	return v.Type == gjson.True
}

// time reads a date. In push events GitHub writes it as a number of seconds, in
// all others as text.
func (s *scanner) time(v gjson.Result) time.Time {
	switch v.Type {
	case gjson.Null:
		return time.Time{}
	case gjson.Number:
		return time.Unix(v.Int(), 0)
	}
	t, err := time.Parse(time.RFC3339, s.text(v))
	s.bad = s.bad || err != nil
	return t
}

func (s *scanner) repository(v gjson.Result) (name string, pushedAt time.Time) {
	s.each(v, func(key string, v gjson.Result) {
		switch key {
		case "full_name":
			name = s.text(v)
		case "pushed_at":
			pushedAt = s.time(v)
		}
	})
	return name, pushedAt
}

// changes counts the commits and lists the paths that they touched, sorted,
// each once.
func (e event) changes() (commits int, paths []string, ok bool) {
	var s scanner
	paths = []string{}
	s.list(e.commits, func(commit gjson.Result) {
		commits++
		s.each(commit, func(key string, v gjson.Result) {
			if key == "added" || key == "removed" || key == "modified" {
				s.list(v, func(path gjson.Result) { paths = append(paths, s.text(path)) })
			}
		})
	})
	slices.Sort(paths)
	return commits, slices.Compact(paths), !s.bad
}

// list calls f for the items of an array.
func (s *scanner) list(v gjson.Result, f func(gjson.Result)) {
	if v.Type == gjson.Null {
		return
	}
	s.bad = s.bad || !v.IsArray()
	v.ForEach(func(_, item gjson.Result) bool {
		f(item)
		return true
	})
}

// who is the login of who pushed. Unset stands in for an empty one, which a
// pipeline variable refuses.
func (e event) who() string { return cmp.Or(e.pusher, e.sender, contract.Unset) }

// compact keeps what the pipelines need. The repository and the branch are the
// configured spelling, because the rules on the bus compare them literally.
func (h *Handler) compact(id string, e event) (contract.Push, bool) {
	commits, paths, ok := e.changes()
	return contract.Push{
		Delivery:   id,
		Repository: h.Repository,
		Ref:        "refs/heads/" + h.Branch,
		Branch:     h.Branch,
		Before:     e.before,
		Commit:     e.after,
		Pusher:     e.who(),
		Paths:      paths[:min(len(paths), maxPaths)],
		MorePaths:  len(paths) > maxPaths || commits >= webhookCommits || e.forced,
	}, ok
}

// encode renders the push as an event's detail, with as many paths as fit.
func encode(p contract.Push) ([]byte, error) {
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

package github

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// Delivery is one request that a webhook made, and its answer.
type Delivery struct {
	ID, Event string
	Status    int    // HTTP status, 0 where nobody answered
	Answer    string // body, or the error
	body      []byte
	hook      string
}

// Body is what was delivered.
func (d Delivery) Body() []byte { return d.body }

// pingNewHook sends a ping to a new webhook, as GitHub does.
func (s *Server) pingNewHook(change cloud.Change, r *cloud.Resource) {
	if change != cloud.Created || r.Type != typetoken.GitHubWebhook {
		return
	}
	body, err := json.Marshal(s.pingBody(r))
	if err == nil {
		s.deliver(context.Background(), r, Delivery{ID: s.newID(), Event: "ping", body: body, hook: r.ID}, goodSignature)
	}
}

// pingBody is the body of a ping event.
func (s *Server) pingBody(hook *cloud.Resource) map[string]any {
	owner, name, _ := strings.Cut(s.repository.name, "/")
	id, err := strconv.Atoi(hook.ID)
	if err != nil {
		id = 1 // GitHub's ids are numbers
	}
	return map[string]any{
		"zen": "Practicality beats purity.", "hook_id": id,
		"hook":       map[string]any{"type": "Repository", "id": id, "name": "web", "active": true, "events": hook.Value("events")},
		"repository": map[string]any{"name": name, "full_name": s.repository.name, "owner": map[string]any{"login": owner}},
	}
}

// Forge moves nothing and sends a push to the delivered branch with a wrong
// signature.
func (s *Server) Forge(ctx context.Context, pusher string) error {
	s.repository.mu.Lock()
	body, err := s.pushPayload(s.repository.branch, s.repository.branches[s.repository.branch], s.repository.newest, pusher)
	s.repository.mu.Unlock()
	if err != nil {
		return err
	}
	return s.sendEvent(ctx, "push", body, forgedSignature)
}

// Redeliver sends a delivery again, as "Redeliver" in GitHub's settings does:
// to the same webhook, with the same id and body.
func (s *Server) Redeliver(ctx context.Context, id string) error { return s.deliverAgain(ctx, id, id) }

// Replay sends a delivery again under an id of its own, as somebody would who
// has recorded it.
func (s *Server) Replay(ctx context.Context, id string) error {
	return s.deliverAgain(ctx, id, s.newID())
}

func (s *Server) deliverAgain(ctx context.Context, id, as string) error {
	for _, d := range s.Deliveries() {
		if d.ID != id {
			continue
		}
		hook := s.cloud.First("", typetoken.GitHubWebhook, func(h *cloud.Resource) bool { return h.ID == d.hook })
		if hook == nil {
			return fmt.Errorf("github: the webhook of delivery %q is gone", id)
		}
		s.deliver(ctx, hook, Delivery{ID: as, Event: d.Event, body: d.body, hook: d.hook}, goodSignature)
		return nil
	}
	return fmt.Errorf("github: there is no delivery %q", id)
}

// Deliveries returns all deliveries, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// sendEvent delivers an event to every active webhook that wants it.
func (s *Server) sendEvent(ctx context.Context, event string, body []byte, how signature) error {
	_, name, _ := strings.Cut(s.repository.name, "/")
	hooks := s.cloud.Find("", typetoken.GitHubWebhook, func(r *cloud.Resource) bool {
		events, _ := r.Value("events").([]any)
		return r.Str("repository") == name && r.Value("active") == true && slices.Contains(events, any(event))
	})
	if len(hooks) == 0 {
		return fmt.Errorf("github: no webhook of %s wants %s", s.repository.name, event)
	}
	for _, h := range hooks {
		s.deliver(ctx, h, Delivery{ID: s.newID(), Event: event, body: body, hook: h.ID}, how)
	}
	return nil
}

// timeout is how long GitHub waits for an answer.
const timeout = 10 * time.Second

// signature says how a delivery is signed.
type signature bool

const (
	goodSignature   signature = true
	forgedSignature signature = false
)

// newID is a delivery id: a GUID.
func (s *Server) newID() string {
	n := s.cloud.Serial()
	return fmt.Sprintf("%08x-0000-11ef-8000-%012x", n, n)
}

// deliver makes one request and records it.
func (s *Server) deliver(ctx context.Context, hook *cloud.Resource, d Delivery, how signature) {
	status, answer, err := s.sendDelivery(ctx, hook, d, how)
	d.Status, d.Answer = status, answer
	if err != nil {
		d.Answer = err.Error()
	}
	s.repository.mu.Lock()
	s.deliveries = append(s.deliveries, d)
	s.repository.mu.Unlock()
	s.cloud.Journal.Add(cloud.Event{Kind: "github", Subject: s.repository.name, Message: fmt.Sprintf("%s delivered: %d %s", d.Event, d.Status, d.Answer),
		Fields: map[string]any{"delivery": d.ID, "event": d.Event, "status": d.Status}})
}

func (s *Server) sendDelivery(ctx context.Context, hook *cloud.Resource, d Delivery, how signature) (int, string, error) {
	client := &http.Client{Transport: s.transport, Timeout: timeout}
	media, body := encodeBody(hook.Str("configuration.contentType"), d.body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.Str("configuration.url"), bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	mac := hmac.New(sha256.New, []byte(hook.Str("configuration.secret")))
	mac.Write(body)
	if how == forgedSignature {
		mac.Write([]byte("forged"))
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

// encodeBody is the body as a webhook's content type wants it: JSON, or a form
// with the JSON in one field.
func encodeBody(kind string, body []byte) (media string, sent []byte) {
	if kind == "json" {
		return "application/json", body
	}
	return "application/x-www-form-urlencoded", []byte(url.Values{"payload": {string(body)}}.Encode())
}

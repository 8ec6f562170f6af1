package github

import (
	"archive/zip"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v74/github"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// hook answers every delivery and remembers it.
type hook struct {
	t        *testing.T
	requests []*http.Request
	bodies   [][]byte
}

func (h *hook) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	require.NoError(h.t, err)
	h.requests, h.bodies = append(h.requests, r), append(h.bodies, body)
	return &http.Response{StatusCode: 202, Body: io.NopCloser(strings.NewReader("thanks")), Header: http.Header{}}, nil
}

func server(t *testing.T) (*Server, *hook) {
	t.Helper()
	c := cloud.New()
	h := &hook{t: t}
	s := New(c, NewRepository(c, "acme/infrastructure", "main"), h)
	s.Grant("ada", Write)
	require.NoError(t, c.Add(&cloud.Resource{Type: typetoken.GitHubWebhook, ID: "1", Account: "github", Inputs: map[string]any{
		"repository": "infrastructure", "active": true, "events": []any{"push"},
		"configuration": map[string]any{"url": "https://example.com/webhook", "secret": "s3cret", "contentType": "json"},
	}}))
	return s, h
}

func TestNewWebhookIsPinged(t *testing.T) {
	t.Parallel()
	_, h := server(t)
	require.Len(t, h.requests, 1)
	require.Equal(t, "ping", h.requests[0].Header.Get("X-GitHub-Event"))
}

func TestPushIsSignedAndTellsWhatChanged(t *testing.T) {
	t.Parallel()
	s, h := server(t)
	_, err := s.repository.Commit("first", map[string][]byte{"a": []byte("1"), "b": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))
	id, err := s.repository.Commit("second", map[string][]byte{"a": []byte("2"), "b": nil, "c": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))

	last := len(h.requests) - 1
	require.Equal(t, expectedSignature("s3cret", h.bodies[last]), h.requests[last].Header.Get("X-Hub-Signature-256"))
	var e github.PushEvent
	require.NoError(t, json.Unmarshal(h.bodies[last], &e))
	require.Equal(t, id, e.GetAfter())
	require.Equal(t, "refs/heads/main", e.GetRef())
	require.Equal(t, []string{"a"}, e.Commits[0].Modified)
	require.Equal(t, []string{"b"}, e.Commits[0].Removed)
	require.Equal(t, []string{"c"}, e.Commits[0].Added)
}

func TestTheDateOfAPushIsANumber(t *testing.T) {
	t.Parallel()
	s, h := server(t)
	_, err := s.repository.Commit("first", map[string][]byte{"a": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))
	body := h.bodies[len(h.bodies)-1]
	require.Regexp(t, `"pushed_at":[0-9]+[,}]`, string(body))
	var e github.PushEvent
	require.NoError(t, json.Unmarshal(body, &e))
	require.WithinDuration(t, time.Now(), e.GetRepo().GetPushedAt().Time, time.Minute)
}

func TestAFormHasTheBodyInAField(t *testing.T) {
	t.Parallel()
	media, body := encodeBody("form", []byte(`{"a":1}`))
	require.Equal(t, "application/x-www-form-urlencoded", media)
	require.Equal(t, "payload=%7B%22a%22%3A1%7D", string(body))
}

func TestNoSecretIsInTheJournal(t *testing.T) {
	t.Parallel()
	s, _ := server(t)
	_, err := s.repository.Commit("first", map[string][]byte{"a": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))
	text, err := json.Marshal(s.cloud.Journal.Events())
	require.NoError(t, err)
	require.NotContains(t, string(text), "s3cret")
}

// expectedSignature is as GitHub documents it:
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
func expectedSignature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestForgedDeliveryHasAWrongSignature(t *testing.T) {
	t.Parallel()
	s, h := server(t)
	_, err := s.repository.Commit("first", map[string][]byte{"a": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Forge(t.Context(), "mallory"))
	last := len(h.requests) - 1
	require.NotEqual(t, expectedSignature("s3cret", h.bodies[last]), h.requests[last].Header.Get("X-Hub-Signature-256"))
	require.Empty(t, s.repository.Head("main"), "nothing was pushed")
}

func TestRedeliveryHasTheSameBody(t *testing.T) {
	t.Parallel()
	s, h := server(t)
	_, err := s.repository.Commit("first", map[string][]byte{"a": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))
	all := s.Deliveries()
	require.NoError(t, s.Redeliver(t.Context(), all[len(all)-1].ID))
	n := len(h.bodies)
	require.Equal(t, h.bodies[n-2], h.bodies[n-1])
	require.Equal(t, h.requests[n-2].Header.Get("X-GitHub-Delivery"), h.requests[n-1].Header.Get("X-GitHub-Delivery"))
	require.NoError(t, s.Replay(t.Context(), all[len(all)-1].ID))
	require.Equal(t, h.bodies[n-1], h.bodies[n])
	require.NotEqual(t, h.requests[n-1].Header.Get("X-GitHub-Delivery"), h.requests[n].Header.Get("X-GitHub-Delivery"))
	require.ErrorContains(t, s.Redeliver(t.Context(), "none"), "no delivery")
}

func TestArchiveOfCommitAndBranch(t *testing.T) {
	t.Parallel()
	s, _ := server(t)
	first, err := s.repository.Commit("first", map[string][]byte{"dir/a": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, s.Push(t.Context(), "main", "ada"))
	second, err := s.repository.Commit("second", map[string][]byte{"dir/a": []byte("2")})
	require.NoError(t, err)
	for _, c := range []struct{ asked, id, content string }{{"main", first, "1"}, {second, second, "2"}} {
		archive, id, err := s.repository.Archive(t.Context(), "acme/infrastructure", c.asked)
		require.NoError(t, err)
		require.Equal(t, c.id, id)
		r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		require.NoError(t, err)
		require.Len(t, r.File, 1)
		require.Equal(t, "dir/a", r.File[0].Name)
		f, err := r.Open("dir/a")
		require.NoError(t, err)
		text, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, c.content, string(text))
	}
	_, _, err = s.repository.Archive(t.Context(), "acme/other", "main")
	require.ErrorContains(t, err, "does not exist")
	_, _, err = s.repository.Archive(t.Context(), "acme/infrastructure", "nowhere")
	require.ErrorContains(t, err, "no branch or commit")
}

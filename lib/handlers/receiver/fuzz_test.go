package receiver_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
)

// Whatever is sent, only what the secret signed gets past the signature's check.
func FuzzSignature(f *testing.F) {
	body := push(nil)
	for _, s := range []string{sign(body, secret), sign(body, "guess"), "", "sha256=", "sha1=00", strings.ToUpper(sign(body, secret)), sign(body, secret) + "0"} {
		f.Add(body, s, "push", false)
		f.Add(base64.StdEncoding.EncodeToString([]byte(body)), s, "ping", true)
	}
	f.Fuzz(func(t *testing.T, body, signature, event string, encoded bool) {
		world := newCloud()
		got, err := world.handler().Handle(t.Context(), events.APIGatewayV2HTTPRequest{
			Body: body, IsBase64Encoded: encoded,
			Headers: map[string]string{"x-hub-signature-256": signature, "x-github-event": event, "x-github-delivery": first, "content-type": "application/json"},
		})
		require.NoError(t, err)
		raw := body
		if encoded {
			text, err := base64.StdEncoding.DecodeString(body)
			if err != nil {
				require.GreaterOrEqual(t, got.StatusCode, 400)
				return
			}
			raw = string(text)
		}
		digits, ok := strings.CutPrefix(signature, "sha256=")
		if !ok || "sha256="+strings.ToLower(digits) != sign(raw, secret) {
			require.Contains(t, []int{400, 401}, got.StatusCode, got.Body)
			require.Empty(t, world.items)
		}
	})
}

// signedPush is what encoding/json reads of a push event.
type signedPush struct {
	Ref, Before, After string
	Deleted, Forced    bool
	Repository         struct {
		FullName string `json:"full_name"`
	}
	Pusher  struct{ Name string }
	Sender  struct{ Login string }
	Commits []struct{ Added, Removed, Modified []string }
}

var isCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Whatever GitHub signed, the handler answers; and what it publishes is a push
// to the delivered branch, as another reader of JSON reads it.
func FuzzPush(f *testing.F) {
	for _, edits := range []map[string]any{nil, {"forced": true}, {"deleted": true}, {"ref": "refs/heads/x/main"}, {"pusher": map[string]any{}, "sender": map[string]any{"login": "x[bot]"}},
		{"commits": []any{map[string]any{"added": []string{"a\u2028\"b", "\x00"}}}}, {"repository": map[string]any{"full_name": "ACME/infrastructure", "pushed_at": "2026-03-01T11:00:00Z"}}} {
		f.Add(push(edits))
	}
	f.Add(`{"ref":"refs/heads/main","REF":"x","ref":"refs/heads/main"}`)
	f.Fuzz(func(t *testing.T, body string) {
		world := newCloud()
		got, err := world.handler().Handle(t.Context(), request(body, nil))
		require.NoError(t, err)
		require.Less(t, got.StatusCode, 500, got.Body)
		if got.StatusCode != 202 {
			require.Empty(t, world.published)
			return
		}
		require.True(t, json.Valid([]byte(body)), "it is not JSON")
		var p contract.Push
		require.NoError(t, json.Unmarshal(world.published[0], &p))
		require.Regexp(t, isCommit, p.Commit)
		require.Equal(t, "acme/infrastructure", p.Repository)
		require.Equal(t, "main", p.Branch)
		require.True(t, slices.IsSorted(p.Paths) || strings.ContainsRune(strings.Join(p.Paths, ""), '\ufffd'))
		var want signedPush
		if json.Unmarshal([]byte(body), &want) != nil || repeats(body) {
			return // of repeated names and of names in another case, the two readers keep different ones
		}
		require.Equal(t, want.After, p.Commit)
		require.Equal(t, "refs/heads/main", want.Ref)
		require.False(t, want.Deleted)
		require.True(t, strings.EqualFold("acme/infrastructure", want.Repository.FullName))
		if want.Pusher.Name != "" {
			require.Equal(t, want.Pusher.Name, p.Pusher)
		}
	})
}

// repeats says whether an object has a name twice, or one with capital letters,
// which encoding/json takes for the one without.
func repeats(body string) bool {
	dec := json.NewDecoder(strings.NewReader(body))
	type level struct {
		object, key bool
		names       map[string]bool
	}
	var open []*level
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		if top := len(open) - 1; top >= 0 && open[top].object {
			if name, ok := token.(string); ok && open[top].key {
				if open[top].names[name] || name != strings.ToLower(name) {
					return true
				}
				open[top].names[name] = true
				open[top].key = false
				continue
			}
			open[top].key = true
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &level{object: true, key: true, names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

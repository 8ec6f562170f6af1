package receiver_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bigPush is the body of a push of 20,000 bytes: twelve commits of five files,
// and the addresses that GitHub sends along.
func bigPush(tb testing.TB) string {
	tb.Helper()
	repository := map[string]any{"full_name": "acme/infrastructure", "pushed_at": now.Add(-time.Minute).Unix()}
	for i := range 40 {
		repository[fmt.Sprintf("address_%d_url", i)] = fmt.Sprintf("https://api.github.com/repos/acme/infrastructure/address%d{/number}", i)
	}
	var commits []any
	for i := range 12 {
		person := map[string]any{"name": "Mona Lisa Octocat", "email": "mona@example.com", "username": "mona", "date": "2026-03-01T11:59:00Z"}
		var files [5]string
		for j := range files {
			files[j] = fmt.Sprintf("stacks/network/%d/file%d.go", i, j)
		}
		commits = append(commits, map[string]any{
			"id": commit, "tree_id": commit, "distinct": true, "timestamp": "2026-03-01T11:59:00Z", "url": "https://github.com/acme/infrastructure/commit/" + commit,
			"message": strings.Repeat("Say why in \"full\" sentences.\n", 8), "author": person, "committer": person,
			"added": files[:1], "removed": files[1:2], "modified": files[2:],
		})
	}
	edits := map[string]any{"repository": repository, "commits": commits, "compare": ""}
	body := push(edits)
	require.Less(tb, len(body), 20_000)
	edits["compare"] = strings.Repeat("x", 20_000-len(body))
	return push(edits)
}

// What a push costs besides AWS, in multiples of the HMAC that nobody can save.
func BenchmarkPush(b *testing.B) {
	body := bigPush(b)
	require.Len(b, body, 20_000)
	var bare time.Duration
	b.Run("bare HMAC", func(b *testing.B) {
		raw, key := []byte(body), []byte(secret)
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			mac := hmac.New(sha256.New, key)
			mac.Write(raw)
			_ = mac.Sum(nil)
		}
		bare = b.Elapsed() / time.Duration(b.N)
	})
	b.Run("verify, parse and route", func(b *testing.B) {
		world := newCloud()
		h, r := world.handler(), request(body, nil)
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			clear(world.items)
			world.published = world.published[:0]
			got, err := h.Handle(b.Context(), r)
			if err != nil || got.StatusCode != 202 {
				b.Fatal(got, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed()/time.Duration(b.N))/float64(bare), "x-HMAC")
	})
	b.Run("refuse a stranger", func(b *testing.B) {
		h, r := newCloud().handler(), request(body, with("x-hub-signature-256", sign(body, "guess")))
		for b.Loop() {
			if got, err := h.Handle(b.Context(), r); err != nil || got.StatusCode != 401 {
				b.Fatal(got, err)
			}
		}
		b.ReportMetric(float64(b.Elapsed()/time.Duration(b.N))/float64(bare), "x-HMAC")
	})
	require.True(b, json.Valid([]byte(body)))
}

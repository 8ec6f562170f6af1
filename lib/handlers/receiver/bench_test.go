package receiver_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
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

// What a push of 20,000 bytes costs besides AWS, in multiples of the HMAC that
// nobody can save: one that is routed to nobody, because it is of another
// branch; one that is accepted, with its paths, its claim and its event; and one
// that nobody signed. The two are measured in turn and their medians compared, so
// that a busy machine slows both down.
func BenchmarkPush(b *testing.B) {
	body := bigPush(b)
	require.Len(b, body, 20_000)
	raw, key := []byte(body), []byte(secret)
	for name, c := range map[string]struct {
		body   string
		edit   func(*events.APIGatewayV2HTTPRequest)
		status int
	}{
		"verify, parse and route": {strings.Replace(body, "refs/heads/main", "refs/heads/next", 1), nil, 200},
		"accept":                  {body, nil, 202},
		"refuse a stranger":       {body, with("x-hub-signature-256", sign(body, "guess")), 401},
	} {
		b.Run(name, func(b *testing.B) {
			world := newCloud()
			h, r := world.handler(), request(c.body, c.edit)
			var bare, whole []time.Duration
			for b.Loop() {
				clear(world.items)
				world.published = world.published[:0]
				start := time.Now()
				mac := hmac.New(sha256.New, key)
				mac.Write(raw)
				_ = mac.Sum(nil)
				between := time.Now()
				got, err := h.Handle(b.Context(), r)
				whole = append(whole, time.Since(between))
				bare = append(bare, between.Sub(start))
				if err != nil || got.StatusCode != c.status {
					b.Fatal(got, err)
				}
			}
			b.ReportMetric(float64(median(bare)), "ns-HMAC")
			b.ReportMetric(float64(median(whole)), "ns-push")
			b.ReportMetric(float64(median(whole))/float64(median(bare)), "x-HMAC")
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

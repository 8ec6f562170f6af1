package receiver_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers/receiver"
)

const (
	secret = "it's a secret to everybody"
	commit = "0123456789abcdef0123456789abcdef01234567"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// cloud is a small world behind the handler: secrets and a bus. The claims are
// claims_test.go's.
type cloud struct {
	*claims
	secrets, rotated      []string
	secretErr, refreshErr error
	publishErr            error
	published             [][]byte
	reads, refreshes      int
}

func newCloud() *cloud { return &cloud{secrets: []string{secret}, claims: newClaims()} }

func secretsOf(texts []string) (out [][]byte) {
	for _, s := range texts {
		out = append(out, []byte(s))
	}
	return out
}

func (c *cloud) Current(context.Context) ([][]byte, error) {
	c.reads++
	return secretsOf(c.secrets), c.secretErr
}

func (c *cloud) Refresh(context.Context) ([][]byte, bool, error) {
	c.refreshes++
	return secretsOf(c.rotated), c.rotated != nil, c.refreshErr
}

// bus is the cloud as Bus, because Claims has a method Publish as well.
type bus struct{ *cloud }

func (c bus) Publish(_ context.Context, detail []byte) error {
	if c.publishErr != nil {
		return c.publishErr
	}
	c.published = append(c.published, detail)
	return nil
}

func (c *cloud) handler() *receiver.Handler {
	return &receiver.Handler{
		Repository: "acme/infrastructure", Branch: "main",
		Secrets: c, Claims: c.claims, Bus: bus{c},
		Now: func() time.Time { return c.claims.now },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func sign(body, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// push returns the body of a push event, changed by edits of its top level.
func push(edits map[string]any) string {
	event := map[string]any{
		"ref": "refs/heads/main", "before": strings.Repeat("1", 40), "after": commit,
		"repository": map[string]any{"full_name": "acme/infrastructure", "pushed_at": now.Add(-time.Minute).Unix()},
		"pusher":     map[string]any{"name": "mona"},
		"commits": []any{
			map[string]any{"added": []string{"b.go"}, "modified": []string{"a.go"}},
			map[string]any{"removed": []string{"c.go"}, "modified": []string{"a.go"}},
		},
	}
	for k, v := range edits {
		event[k] = v
	}
	b, _ := json.Marshal(event)
	return string(b)
}

func request(body string, edit func(*events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPRequest {
	r := events.APIGatewayV2HTTPRequest{
		Body: body,
		Headers: map[string]string{
			"x-hub-signature-256": sign(body, secret),
			"x-github-event":      "push",
			"x-github-delivery":   "72d3162e-cc78-11e3-81ab-4c9367dc0958",
			"content-type":        "application/json",
		},
	}
	if edit != nil {
		edit(&r)
	}
	return r
}

func with(name, value string) func(*events.APIGatewayV2HTTPRequest) {
	return func(r *events.APIGatewayV2HTTPRequest) { r.Headers[name] = value }
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	body := push(nil)
	cases := map[string]struct {
		body      string
		edit      func(*events.APIGatewayV2HTTPRequest)
		cloud     func(*cloud)
		status    int
		message   string
		published int
	}{
		"a push is accepted": {status: 202, message: "accepted: " + commit, published: 1},
		"a base64 body is decoded before the signature is checked": {edit: func(r *events.APIGatewayV2HTTPRequest) {
			r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
		}, status: 202, published: 1},
		"header names in GitHub's own spelling are found": {edit: func(r *events.APIGatewayV2HTTPRequest) {
			delete(r.Headers, "x-hub-signature-256")
			r.Headers["X-Hub-Signature-256"] = sign(body, secret)
		}, status: 202, published: 1},
		"a content type with a charset is JSON":    {edit: with("content-type", "application/json; charset=utf-8"), status: 202, published: 1},
		"a rotated secret is read again":           {cloud: func(c *cloud) { c.secrets, c.rotated = []string{"old"}, []string{secret} }, status: 202, published: 1},
		"the secret before a rotation is good too": {cloud: func(c *cloud) { c.secrets = []string{"new", secret} }, status: 202, published: 1},
		"a repository is found in any case":        {body: push(map[string]any{"repository": map[string]any{"full_name": "Acme/Infrastructure"}}), status: 202, published: 1},

		"bad base64 is refused":                          {edit: func(r *events.APIGatewayV2HTTPRequest) { r.IsBase64Encoded = true }, status: 400},
		"an unsigned delivery is refused":                {edit: func(r *events.APIGatewayV2HTTPRequest) { delete(r.Headers, "x-hub-signature-256") }, status: 401},
		"a forged signature is refused":                  {edit: with("x-hub-signature-256", sign(body, "guess")), status: 401},
		"a signature of another body is refused":         {edit: with("x-hub-signature-256", sign(body+" ", secret)), status: 401},
		"a signature without digits is refused":          {edit: with("x-hub-signature-256", "sha256="), status: 401},
		"a signature that is not hexadecimal is refused": {edit: with("x-hub-signature-256", "sha256=zz"), status: 401},
		"a SHA-1 signature is refused":                   {edit: with("x-hub-signature-256", "sha1=0123456789012345678901234567890123456789"), status: 401},
		"an empty secret authenticates nobody":           {cloud: func(c *cloud) { c.secrets = []string{""} }, edit: with("x-hub-signature-256", sign(body, "")), status: 401},
		"a forged ping is refused": {edit: func(r *events.APIGatewayV2HTTPRequest) {
			r.Headers["x-github-event"] = "ping"
			r.Headers["x-hub-signature-256"] = sign(body, "x")
		}, status: 401},
		"a form body is refused":                       {edit: with("content-type", "application/x-www-form-urlencoded"), status: 415},
		"a delivery without an id is refused":          {edit: with("x-github-delivery", ""), status: 400},
		"a delivery whose id is not a UUID is refused": {edit: with("x-github-delivery", `1"},{"name":"COMMIT"`), status: 400, message: "not a UUID"},
		"a pusher with a quote is refused":             {body: push(map[string]any{"pusher": map[string]any{"name": `x"},{"name":"COMMIT"`}}), status: 400, message: "is not a GitHub login"},
		"an app may push":                              {body: push(map[string]any{"pusher": map[string]any{"name": "dependabot[bot]"}}), status: 202, published: 1},
		"a push without a pusher is accepted":          {body: push(map[string]any{"pusher": map[string]any{}}), status: 202, published: 1},
		"a delivery without an event is refused":       {edit: with("x-github-event", ""), status: 400},
		"a signed body that is not JSON is refused":    {body: "{", status: 400},
		"a push to another repository is refused":      {body: push(map[string]any{"repository": map[string]any{"full_name": "acme/other"}}), status: 403},
		"a push without a commit is refused":           {body: push(map[string]any{"after": "main"}), status: 400},
		"a push from long ago is refused":              {body: push(map[string]any{"repository": map[string]any{"full_name": "acme/infrastructure", "pushed_at": now.AddDate(0, -2, 0).Unix()}}), status: 410},

		"a ping is answered":                     {edit: with("x-github-event", "ping"), status: 200, message: "pong"},
		"another event is ignored":               {edit: with("x-github-event", "issues"), status: 200, message: "ignored"},
		"another branch is ignored":              {body: push(map[string]any{"ref": "refs/heads/topic"}), status: 200, message: "ignored"},
		"a branch that ends alike is ignored":    {body: push(map[string]any{"ref": "refs/heads/x/main"}), status: 200, message: "ignored"},
		"a tag of the branch's name is ignored":  {body: push(map[string]any{"ref": "refs/tags/main"}), status: 200, message: "ignored"},
		"a deletion is ignored":                  {body: push(map[string]any{"deleted": true, "after": strings.Repeat("0", 40)}), status: 200, message: "ignored"},
		"a deletion without the flag is ignored": {body: push(map[string]any{"after": strings.Repeat("0", 40)}), status: 200, message: "ignored"},

		"an unreadable secret may be repeated": {cloud: func(c *cloud) { c.secretErr = errors.New("throttled") }, status: 503},
		"an unwritable table may be repeated":  {cloud: func(c *cloud) { c.claims.err = errors.New("throttled") }, status: 503},
		"a bus that refuses may be repeated":   {cloud: func(c *cloud) { c.publishErr = errors.New("refused") }, status: 502},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := newCloud()
			if c.cloud != nil {
				c.cloud(world)
			}
			if c.body == "" {
				c.body = body
			}
			got, err := world.handler().Handle(context.Background(), request(c.body, c.edit))
			require.NoError(t, err)
			require.Equal(t, c.status, got.StatusCode, got.Body)
			require.Contains(t, got.Body, c.message)
			require.Len(t, world.published, c.published)
			require.Len(t, world.done(), c.published)
			require.NotContains(t, got.Body, "throttled", "causes are for the log")
		})
	}
}

func TestAReplayIsAnsweredButNotPublishedAgain(t *testing.T) {
	t.Parallel()
	world := newCloud()
	h := world.handler()
	body := push(nil)
	_, err := h.Handle(context.Background(), request(body, nil))
	require.NoError(t, err)
	got, err := h.Handle(context.Background(), request(body, with("x-github-delivery", "73d3162e-cc78-11e3-81ab-4c9367dc0958")))
	require.NoError(t, err)
	require.Equal(t, 200, got.StatusCode)
	require.Contains(t, got.Body, "already accepted")
	require.Len(t, world.published, 1)
}

func TestTheEventIsCompact(t *testing.T) {
	t.Parallel()
	world := newCloud()
	_, err := world.handler().Handle(context.Background(), request(push(nil), nil))
	require.NoError(t, err)
	var got contract.Push
	require.NoError(t, json.Unmarshal(world.published[0], &got))
	require.Equal(t, contract.Push{
		Delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Repository: "acme/infrastructure",
		Ref: "refs/heads/main", Branch: "main", Before: strings.Repeat("1", 40), Commit: commit,
		Pusher: "mona", Paths: []string{"a.go", "b.go", "c.go"},
	}, got)
}

func TestAHugePushStillFitsAnEvent(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"many short paths":                     "p%d",
		"long paths":                           strings.Repeat("d/", 2000) + "%d",
		"long paths of characters that escape": strings.Repeat("\u0001", 4000) + "%d",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var paths []string
			for i := range 240 { // more make a body that Lambda refuses
				paths = append(paths, fmt.Sprintf(path, i))
			}
			body := push(map[string]any{"commits": []any{map[string]any{"added": paths}}})
			world := newCloud()
			got, err := world.handler().Handle(context.Background(), request(body, nil))
			require.NoError(t, err)
			require.Equal(t, 202, got.StatusCode, got.Body)
			require.Less(t, len(world.published[0]), 250<<10)
			var p contract.Push
			require.NoError(t, json.Unmarshal(world.published[0], &p))
			require.True(t, p.MorePaths)
			require.NotEmpty(t, p.Paths)
			require.LessOrEqual(t, len(p.Paths), 200)
		})
	}
}

// A stranger is refused before anything is looked up.
func TestAStrangersRequestCostsNothingMoreThanAHash(t *testing.T) {
	t.Parallel()
	body := push(nil)
	for name, c := range map[string]struct {
		edit   func(*events.APIGatewayV2HTTPRequest)
		status int
		reads  int
	}{
		"no signature":            {with("x-hub-signature-256", ""), 401, 0},
		"a signature of no shape": {with("x-hub-signature-256", "sha256=00"), 401, 0},
		"a body that is too large": {func(r *events.APIGatewayV2HTTPRequest) {
			r.Body = strings.Repeat(" ", 6<<20+1)
		}, 413, 0},
		"bad base64":                {func(r *events.APIGatewayV2HTTPRequest) { r.IsBase64Encoded = true }, 400, 0},
		"a signature by a stranger": {with("x-hub-signature-256", sign(body, "guess")), 401, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := newCloud()
			got, err := world.handler().Handle(t.Context(), request(body, c.edit))
			require.NoError(t, err)
			require.Equal(t, c.status, got.StatusCode, got.Body)
			require.Equal(t, c.reads, world.reads, "of the secret, from memory")
			require.Empty(t, world.items, "no claim")
			require.Empty(t, world.published)
		})
	}
}

func TestADocumentThatIsNoPushIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"an array": `[]`, "a text": `"push"`, "nothing": ``, "null": `null`, "two documents": push(nil) + push(nil), "a byte order mark": "\ufeff" + push(nil),
		"a ref that is a number":        push(map[string]any{"ref": 1}),
		"a repository that is a text":   strings.Replace(push(map[string]any{"repository": nil}), `"repository":null`, `"repository":"acme/infrastructure"`, 1),
		"commits that are an object":    push(map[string]any{"commits": map[string]any{}}),
		"a path that is a number":       push(map[string]any{"commits": []any{map[string]any{"added": []any{1}}}}),
		"a deletion that is a text":     push(map[string]any{"deleted": "no"}),
		"a date that is none":           push(map[string]any{"repository": map[string]any{"full_name": "acme/infrastructure", "pushed_at": "yesterday"}}),
		"values that are nested deeply": `{"ref":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := newCloud()
			got, err := world.handler().Handle(t.Context(), request(body, nil))
			require.NoError(t, err)
			require.GreaterOrEqual(t, got.StatusCode, 400, got.Body)
			require.Less(t, got.StatusCode, 500, got.Body)
			require.Empty(t, world.items)
		})
	}
}

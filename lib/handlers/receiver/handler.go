package receiver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-github/v74/github"

	"delivery.internal/lib/contract"
)

// Headers of a GitHub delivery. HTTP APIs pass header names in lower case.
const (
	signatureHeader = "x-hub-signature-256"
	eventHeader     = "x-github-event"
	deliveryHeader  = "x-github-delivery"
	contentHeader   = "content-type"
)

const (
	// maxAge is the age at which a push is too old to be believed. A signature
	// has no date, so a captured body would be good for ever: what is older is
	// refused by its own signed date, what is younger is known to Claims.
	maxAge = 30 * 24 * time.Hour
	// claimAge is how long an accepted body is remembered: longer than maxAge,
	// so that no body is forgotten before it is too old.
	claimAge = 60 * 24 * time.Hour
)

// Secrets gives the webhook secret.
type Secrets interface {
	// Current returns the secret, from memory where it is known.
	Current(ctx context.Context) ([]byte, error)
	// Refresh reads the secret again and says whether it did: it may refuse,
	// so that forged deliveries can't wear out the store of secrets.
	Refresh(ctx context.Context) ([]byte, bool, error)
}

// Claims remembers which bodies were accepted.
type Claims interface {
	// Claim says whether the id is new, and remembers it until the time given.
	Claim(ctx context.Context, id string, until time.Time) (bool, error)
	// Release forgets an id whose push could not be published.
	Release(ctx context.Context, id string) error
}

// Bus is where accepted pushes go.
type Bus interface {
	// Publish puts one event on the bus. The detail is JSON.
	Publish(ctx context.Context, detail []byte) error
}

// Handler answers webhook deliveries.
type Handler struct {
	// Repository is owner/name; Branch is the delivered branch.
	Repository, Branch string

	Secrets Secrets
	Claims  Claims
	Bus     Bus
	Now     func() time.Time
	Log     *slog.Logger
}

// answer is a response in the making. It is an error too, so that each step
// can end the handling with one return.
type answer struct {
	status int
	text   string
	cause  error
}

func (a answer) Error() string {
	if a.cause != nil {
		return fmt.Sprintf("%s: %v", a.text, a.cause)
	}
	return a.text
}

func reply(status int, format string, args ...any) answer {
	return answer{status: status, text: fmt.Sprintf(format, args...)}
}

func failed(status int, text string, cause error) answer {
	return answer{status: status, text: text, cause: cause}
}

// Handle answers one delivery. It never returns an error: what went wrong is
// in the status, and in the log.
func (h *Handler) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	log := h.Log.With("delivery", header(r, deliveryHeader), "event", header(r, eventHeader))
	a := h.handle(ctx, log, r)
	switch {
	case a.status >= 500:
		log.ErrorContext(ctx, a.text, "status", a.status, "error", a.cause)
	case a.status >= 400:
		log.WarnContext(ctx, a.text, "status", a.status, "source", r.RequestContext.HTTP.SourceIP)
	default:
		log.InfoContext(ctx, a.text, "status", a.status)
	}
	body, err := json.Marshal(map[string]string{"message": a.text})
	return events.APIGatewayV2HTTPResponse{
		StatusCode: a.status,
		Headers:    map[string]string{"content-type": "application/json"},
		Body:       string(body),
	}, err
}

func (h *Handler) handle(ctx context.Context, log *slog.Logger, r events.APIGatewayV2HTTPRequest) answer {
	body, err := rawBody(r)
	if err != nil {
		return reply(http.StatusBadRequest, "the body is not the base64 that it is said to be")
	}
	if a := h.authenticate(ctx, body, header(r, signatureHeader)); a.status != 0 {
		return a
	}
	switch event := header(r, eventHeader); event {
	case "push":
	case "ping":
		return reply(http.StatusOK, "pong")
	case "":
		return reply(http.StatusBadRequest, "the header X-GitHub-Event is missing")
	default:
		return reply(http.StatusOK, "ignored: %q is not a push", event)
	}
	push, err := h.read(r, body)
	var a answer
	if errors.As(err, &a) {
		return a
	}
	return h.accept(ctx, log, body, push)
}

// rawBody returns the bytes that GitHub signed.
func rawBody(r events.APIGatewayV2HTTPRequest) ([]byte, error) {
	if r.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(r.Body)
	}
	return []byte(r.Body), nil
}

func header(r events.APIGatewayV2HTTPRequest, name string) string {
	if v, ok := r.Headers[name]; ok {
		return v
	}
	for k, v := range r.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// authenticate returns a zero answer for a good signature. A mismatch may mean
// that the secret was rotated, so it is read once more.
func (h *Handler) authenticate(ctx context.Context, body []byte, signature string) answer {
	if signature == "" {
		return reply(http.StatusUnauthorized, "the header X-Hub-Signature-256 is missing: set a secret on the webhook")
	}
	secret, err := h.Secrets.Current(ctx)
	if err != nil {
		return failed(http.StatusServiceUnavailable, "the webhook secret can't be read", err)
	}
	if Signed(body, signature, secret) {
		return answer{}
	}
	secret, read, err := h.Secrets.Refresh(ctx)
	if err != nil {
		return failed(http.StatusServiceUnavailable, "the webhook secret can't be read", err)
	}
	if read && Signed(body, signature, secret) {
		return answer{}
	}
	return reply(http.StatusUnauthorized, "the signature does not match the body")
}

// Signed says whether a signature header ("sha256=" and hexadecimal digits) is
// the HMAC-SHA256 of the body, in a time that doesn't depend on where they
// differ. The older SHA-1 signatures are refused. See
// docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.
func Signed(body []byte, signature string, secret []byte) bool {
	digits, ok := strings.CutPrefix(signature, "sha256=")
	if !ok || len(secret) == 0 {
		return false
	}
	got, err := hex.DecodeString(digits)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// read checks what the delivery says and turns it into a push. Its error is an
// answer.
func (h *Handler) read(r events.APIGatewayV2HTTPRequest, body []byte) (contract.Push, error) {
	none := contract.Push{}
	id := header(r, deliveryHeader)
	if !contract.IsDeliveryID(id) {
		return none, reply(http.StatusBadRequest, "the header X-GitHub-Delivery is missing or not a UUID")
	}
	if media, _, err := mime.ParseMediaType(header(r, contentHeader)); err != nil || media != "application/json" {
		return none, reply(http.StatusUnsupportedMediaType, "the content type is not application/json: set it on the webhook")
	}
	var e github.PushEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return none, reply(http.StatusBadRequest, "the body is not a push event")
	}
	if name := e.GetRepo().GetFullName(); !strings.EqualFold(name, h.Repository) {
		return none, reply(http.StatusForbidden, "the push is to %q, not to %s", name, h.Repository)
	}
	if ref := "refs/heads/" + h.Branch; e.GetRef() != ref {
		return none, reply(http.StatusOK, "ignored: %q is not %s", e.GetRef(), ref)
	}
	if e.GetDeleted() || isZero(e.GetAfter()) {
		return none, reply(http.StatusOK, "ignored: the branch was deleted")
	}
	if !contract.IsCommit(e.GetAfter()) {
		return none, reply(http.StatusBadRequest, "%q is not a commit", e.GetAfter())
	}
	if who := pusher(&e); !contract.IsPusher(who) {
		return none, reply(http.StatusBadRequest, "the pusher %.100q is not a GitHub login", who)
	}
	if at := e.GetRepo().GetPushedAt(); !at.IsZero() && h.Now().Sub(at.Time) > maxAge {
		return none, reply(http.StatusGone, "the push of %s is too old to be believed", at.UTC().Format(time.RFC3339))
	}
	return h.compact(id, &e), nil
}

// accept publishes a push unless the same body was accepted before. GitHub
// signs the body only, so that the body is what a replay has in common with
// its original, whatever its headers say.
func (h *Handler) accept(ctx context.Context, log *slog.Logger, body []byte, push contract.Push) answer {
	detail, err := encode(push)
	if err != nil {
		return failed(http.StatusInternalServerError, "the push can't be described in an event", err)
	}
	sum := sha256.Sum256(body)
	id := hex.EncodeToString(sum[:])
	fresh, err := h.Claims.Claim(ctx, id, h.Now().Add(claimAge))
	if err != nil {
		return failed(http.StatusServiceUnavailable, "the table of deliveries can't be written", err)
	}
	if !fresh {
		return reply(http.StatusOK, "already accepted")
	}
	if err := h.Bus.Publish(ctx, detail); err != nil {
		// Without the caller's deadline: the delivery must be free to come again.
		if lost := h.Claims.Release(context.WithoutCancel(ctx), id); lost != nil {
			log.ErrorContext(ctx, "the claim can't be released: a redelivery of this body will be ignored until it expires", "claim", id, "error", lost)
		}
		return failed(http.StatusBadGateway, "the event bus did not take the push", err)
	}
	log.InfoContext(ctx, "push accepted", "commit", push.Commit, "pusher", push.Pusher, "paths", len(push.Paths))
	return reply(http.StatusAccepted, "accepted: %s", push.Commit)
}

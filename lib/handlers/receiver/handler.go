package receiver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

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
	// maxBody is the largest body that Lambda hands to a function, see
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
	// GitHub sends at most 2,048 commits in a push.
	maxBody = 6 << 20
	// maxAge is the age at which a push is too old to be believed. A signature
	// has no date, so a captured body would be good forever: what is older is
	// refused by its own signed date, what is younger is known to Claims.
	maxAge = 30 * 24 * time.Hour
)

// Secrets gives the webhook secret: one, and for a time after a rotation two.
type Secrets interface {
	// Current returns the secrets that are good now, from memory where they are
	// known and not too old.
	Current(ctx context.Context) ([][]byte, error)
	// Refresh reads the secrets again and says whether it did: it may refuse,
	// so that forged deliveries can't wear out the store of secrets.
	Refresh(ctx context.Context) ([][]byte, bool, error)
}

// Claims remembers which bodies were published, and who is at work on one.
type Claims interface {
	// Claim leases a body, known by its id, for the time that a publication
	// takes. The delivery is the one that brings the body now.
	Claim(ctx context.Context, id, delivery string, now time.Time) (Claim, error)
	// Publish notes that the push of a claim was published.
	Publish(ctx context.Context, c Claim, now time.Time) error
}

// Claim is what became of an attempt to claim a body.
type Claim struct {
	State ClaimState
	// ID is the body's id, and Delivery the first delivery that brought the
	// body. A push is published under that delivery: where the one who was to
	// publish it died, nobody knows whether it did, but the starter knows a
	// delivery that it has started.
	ID, Delivery string
	// Until is the end of somebody else's lease.
	Until time.Time

	holder string
}

// ClaimState says whose a body is.
type ClaimState int

// States of a claim.
const (
	Claimed   ClaimState = iota + 1 // the caller's
	Leased                          // another invocation's, until its lease ends
	Published                       // done
)

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

// answer is a response in the making. The zero answer lets the handling go on.
type answer struct {
	status int
	text   string
	cause  error
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
	log := h.Log.With("delivery", clipped(header(r, deliveryHeader)), "event", clipped(header(r, eventHeader)))
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

// handle does the cheap things first: nothing is decoded, looked up or parsed
// for a stranger that the signature's header or the size gives away.
func (h *Handler) handle(ctx context.Context, log *slog.Logger, r events.APIGatewayV2HTTPRequest) answer {
	body, signature, a := signed(r)
	if a.status != 0 {
		return a
	}
	if a := h.authenticate(ctx, body, signature); a.status != 0 {
		return a
	}
	switch event := header(r, eventHeader); event {
	case "push":
	case "ping":
		return reply(http.StatusOK, "pong")
	case "":
		return reply(http.StatusBadRequest, "the header X-GitHub-Event is missing")
	default:
		return reply(http.StatusOK, "ignored: %.100q is not a push", event)
	}
	push, a := h.read(r, body)
	if a.status != 0 {
		return a
	}
	return h.accept(ctx, log, body, push)
}

// signed returns the bytes that GitHub signed and the signature that the
// request claims for them.
func signed(r events.APIGatewayV2HTTPRequest) (body, signature []byte, a answer) {
	claimed := header(r, signatureHeader)
	if claimed == "" {
		return nil, nil, reply(http.StatusUnauthorized, "the header X-Hub-Signature-256 is missing: set a secret on the webhook")
	}
	signature, ok := parseSignature(claimed)
	if !ok {
		return nil, nil, reply(http.StatusUnauthorized, `the header X-Hub-Signature-256 is not "sha256=" and 64 hexadecimal digits`)
	}
	if len(r.Body) > maxBody {
		return nil, nil, reply(http.StatusRequestEntityTooLarge, "the body has %d bytes: at most %d are read", len(r.Body), maxBody)
	}
	if !r.IsBase64Encoded {
		return []byte(r.Body), signature, answer{}
	}
	body, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		return nil, nil, reply(http.StatusBadRequest, "the body is not the base64 that it is said to be")
	}
	return body, signature, answer{}
}

// clipped bounds what a stranger can make us log.
func clipped(s string) string { return s[:min(len(s), 64)] }

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
func (h *Handler) authenticate(ctx context.Context, body, signature []byte) answer {
	secrets, err := h.Secrets.Current(ctx)
	if err != nil {
		return failed(http.StatusServiceUnavailable, "the webhook secret can't be read", err)
	}
	if signedWith(body, signature, secrets) {
		return answer{}
	}
	secrets, read, err := h.Secrets.Refresh(ctx)
	if err != nil {
		return failed(http.StatusServiceUnavailable, "the webhook secret can't be read", err)
	}
	if read && signedWith(body, signature, secrets) {
		return answer{}
	}
	return reply(http.StatusUnauthorized, "the signature does not match the body")
}

// parseSignature reads a signature header, "sha256=" and hexadecimal digits.
// The older SHA-1 signatures are refused. See
// https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
func parseSignature(s string) ([]byte, bool) {
	digits, ok := strings.CutPrefix(s, "sha256=")
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) {
		return nil, false
	}
	out, err := hex.DecodeString(digits)
	return out, err == nil
}

// signedWith says whether the signature is the HMAC-SHA256 of the body by one
// of the secrets, in a time that doesn't depend on where they differ.
func signedWith(body, signature []byte, secrets [][]byte) bool {
	for _, secret := range secrets {
		if len(secret) == 0 {
			continue
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		if hmac.Equal(signature, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// read checks what the delivery says and turns it into a push, or into an
// answer that ends the handling.
func (h *Handler) read(r events.APIGatewayV2HTTPRequest, body []byte) (contract.Push, answer) {
	none := contract.Push{}
	id := header(r, deliveryHeader)
	if !contract.IsDeliveryID(id) {
		return none, reply(http.StatusBadRequest, "the header X-GitHub-Delivery is missing or not a UUID")
	}
	if media, _, err := mime.ParseMediaType(header(r, contentHeader)); err != nil || media != "application/json" {
		return none, reply(http.StatusUnsupportedMediaType, "the content type is not application/json: set it on the webhook")
	}
	e, ok := parse(body)
	if !ok {
		return none, reply(http.StatusBadRequest, "the body is not a push event")
	}
	if !strings.EqualFold(e.repository, h.Repository) {
		return none, reply(http.StatusForbidden, "the push is to %.200q, not to %s", e.repository, h.Repository)
	}
	if ref := "refs/heads/" + h.Branch; e.ref != ref {
		return none, reply(http.StatusOK, "ignored: %.300q is not %s", e.ref, ref)
	}
	if e.deleted || isZero(e.after) {
		return none, reply(http.StatusOK, "ignored: the branch was deleted")
	}
	if !contract.IsCommit(e.after) {
		return none, reply(http.StatusBadRequest, "%.100q is not a commit", e.after)
	}
	if who := e.who(); !contract.IsPusher(who) {
		return none, reply(http.StatusBadRequest, "the pusher %.100q is not a GitHub login", who)
	}
	if !e.pushedAt.IsZero() && h.Now().Sub(e.pushedAt) > maxAge {
		return none, reply(http.StatusGone, "the push of %s is too old to be believed", e.pushedAt.UTC().Format(time.RFC3339))
	}
	push, ok := h.compact(id, e)
	if !ok {
		return none, reply(http.StatusBadRequest, "the body is not a push event: its commits can't be read")
	}
	return push, answer{}
}

// accept publishes a push unless the same body was published before. GitHub
// signs the body only, so that the body is what a replay has in common with
// its original, whatever its headers say.
func (h *Handler) accept(ctx context.Context, log *slog.Logger, body []byte, push contract.Push) answer {
	sum := sha256.Sum256(body)
	claim, err := h.Claims.Claim(ctx, hex.EncodeToString(sum[:]), push.Delivery, h.Now())
	switch {
	case err != nil:
		return failed(http.StatusServiceUnavailable, "the table of deliveries can't be written", err)
	case claim.State == Published:
		return reply(http.StatusOK, "already accepted")
	case claim.State == Leased:
		return reply(http.StatusServiceUnavailable, "another invocation is at work on this delivery: deliver it again after %s", claim.Until.UTC().Format(time.RFC3339))
	case claim.State != Claimed:
		return failed(http.StatusInternalServerError, "the delivery can't be claimed", fmt.Errorf("the state of the claim is %d: expected 1 to 3", claim.State))
	}
	push.Delivery = claim.Delivery
	detail, err := encode(push)
	if err != nil {
		return failed(http.StatusInternalServerError, "the push can't be described in an event", err)
	}
	if err := h.Bus.Publish(ctx, detail); err != nil {
		return failed(http.StatusBadGateway, fmt.Sprintf("the event bus did not take the push: deliver it again in %s", leaseAge), err)
	}
	if err := h.Claims.Publish(ctx, claim, h.Now()); err != nil {
		// The push is on its way. Delivered again, it would be published under
		// the same delivery, which the starter knows.
		log.ErrorContext(ctx, "the publication can't be noted", "claim", claim.ID, "error", err)
	}
	log.InfoContext(ctx, "push accepted", "commit", push.Commit, "pusher", push.Pusher, "paths", len(push.Paths))
	return reply(http.StatusAccepted, "accepted: %s", push.Commit)
}

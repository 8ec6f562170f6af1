package scangate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"delivery.internal/lib/contract"
)

// Registry reads the repository of the image.
type Registry interface {
	// Newer returns the digest of the newest image that was pushed after this
	// one, "" where there is none.
	Newer(ctx context.Context, digest string) (newer string, err error)
	// Scan returns the scan of one image, by digest.
	Scan(ctx context.Context, digest string) (Scan, error)
}

// Records holds what the gate is told, and what it says.
type Records interface {
	// Accepted returns the findings that were accepted.
	Accepted(ctx context.Context) ([]contract.AcceptedFinding, error)
	// Approve makes the digest the approved one.
	Approve(ctx context.Context, digest string) error
	// Publish leaves the verdict where an operator reads it.
	Publish(ctx context.Context, v contract.ImageVerdict) error
}

// Handler decides about images.
type Handler struct {
	// Repository is the name of the ECR repository.
	Repository string
	// Block is the lowest severity that refuses an image; see ParseSeverity.
	Block string

	Registry Registry
	Records  Records
	Log      *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// question is what an event asks, or tells, about an image.
type question struct {
	Status     string           `json:"scan-status"`
	Repository string           `json:"repository-name"`
	Image      string           `json:"image-digest"`
	Counts     map[string]int32 `json:"finding-severity-counts"`
	Request    string           `json:"request"`

	// wanted is the status of an event that tells of the end of a scan; empty
	// for a request.
	wanted string
}

// kinds of events, with the status that says that a scan ended well. See
// docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html and
// docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html.
var kinds = map[string]string{
	"aws.ecr/ECR Image Scan":                                "COMPLETE",
	"aws.inspector2/Inspector2 Scan":                        "INITIAL_SCAN_COMPLETE",
	contract.ImageSource + "/" + contract.VerdictDetailType: "",
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// read makes a question of an event. Inspector names a repository by its ARN.
func (h *Handler) read(e events.CloudWatchEvent) (q question, err error) {
	wanted, known := kinds[e.Source+"/"+e.DetailType]
	if !known {
		return q, fmt.Errorf("event %s is a %q of %q: expected the end of a scan by ECR or Inspector, or a request for a verdict", e.ID, e.DetailType, e.Source)
	}
	if err := json.Unmarshal(e.Detail, &q); err != nil {
		return q, fmt.Errorf("event %s has no readable detail: %w", e.ID, err)
	}
	q.wanted = wanted
	if _, name, ok := strings.Cut(q.Repository, ":repository/"); ok {
		q.Repository = name
	}
	switch {
	case q.Repository != h.Repository:
		return q, fmt.Errorf("event %s is about repository %q, not %s", e.ID, q.Repository, h.Repository)
	case !digestPattern.MatchString(q.Image):
		return q, fmt.Errorf("event %s has no image digest but %q", e.ID, q.Image)
	case wanted == "" && q.Request == "":
		return q, fmt.Errorf("event %s asks for a verdict and has no request: expected a text that the verdict repeats", e.ID)
	}
	return q, nil
}

// Handle decides about the image of one event. It returns an error where a
// repetition may help or somebody must look: EventBridge invokes asynchronously
// and Lambda repeats, and what still fails goes to the dead-letter queue.
func (h *Handler) Handle(ctx context.Context, e events.CloudWatchEvent) (contract.ImageVerdict, error) {
	q, err := h.read(e)
	if err != nil {
		h.Log.ErrorContext(ctx, "the event is not understood: nothing is approved", "error", err)
		return contract.ImageVerdict{}, err
	}
	log := h.Log.With("image", q.Image, "repository", q.Repository)
	v, err := h.decide(ctx, q)
	if err != nil {
		log.ErrorContext(ctx, "the image is not approved: the decision failed", "error", err)
		return v, err
	}
	for _, a := range v.Accepted {
		log.WarnContext(ctx, "a finding is accepted", "finding", a.ID, "package", a.Package, "reason", a.Reason, "expires", a.Expires)
	}
	level := map[contract.VerdictStatus]slog.Level{contract.ImageApproved: slog.LevelInfo, contract.ImageRefused: slog.LevelWarn}[v.Status]
	log.Log(ctx, level, "the image is "+string(v.Status), "reason", v.Reason, "blocking", v.Blocking)
	return v, nil
}

func (h *Handler) decide(ctx context.Context, q question) (contract.ImageVerdict, error) {
	v := contract.ImageVerdict{Status: contract.ImageRefused}
	newer, err := h.Registry.Newer(ctx, q.Image)
	if err != nil {
		return v, fmt.Errorf("images of %s: %w", h.Repository, err)
	}
	switch {
	case newer != "":
		// An event that is late, or was repeated, must not bring an old image back.
		v.Reason = "a newer image was pushed, " + newer + ", and only the newest can be approved; to go back to an older source change a comment in image/Dockerfile and run: make up PROJECT=shared && make image"
	case q.Status != q.wanted:
		v.Reason = fmt.Sprintf("the scan ended as %q, expected %s; a new scan needs a new image: change image/, then run: make up PROJECT=shared && make image", q.Status, q.wanted)
	default:
		if v, err = h.ask(ctx, q); err != nil {
			return v, err
		}
	}
	v.Image, v.Request = q.Image, q.Request
	if v.Status == contract.ImageWaiting && q.wanted != "" {
		return v, errors.New(v.Reason + " although its event says " + q.Status)
	}
	if v.Status == contract.ImageApproved {
		if err := h.Records.Approve(ctx, q.Image); err != nil {
			return v, fmt.Errorf("record %s as approved: %w", q.Image, err)
		}
	}
	if newer != "" && q.Request == "" {
		return v, nil // the verdict that stands is about the newest
	}
	if err := h.Records.Publish(ctx, v); err != nil {
		return v, fmt.Errorf("publish the verdict on %s: %w", q.Image, err)
	}
	return v, nil
}

// ask asks ECR itself: the event is only a hint, which anybody who may put
// events on the default bus could have written.
func (h *Handler) ask(ctx context.Context, q question) (contract.ImageVerdict, error) {
	accepted, err := h.Records.Accepted(ctx)
	if err != nil {
		return contract.ImageVerdict{}, fmt.Errorf("accepted findings: %w", err)
	}
	scan, err := h.Registry.Scan(ctx, q.Image)
	if err != nil {
		return contract.ImageVerdict{}, fmt.Errorf("findings of %s: %w", q.Image, err)
	}
	v := rules{block: h.Block, accepted: accepted, now: h.Now()}.judge(scan)
	for severity, n := range q.Counts {
		// Inspector's findings follow its event. TOTAL is of the event alone.
		if severity != "TOTAL" && n > scan.Counts[severity] && v.Status == contract.ImageApproved {
			return contract.ImageVerdict{Status: contract.ImageWaiting, Reason: fmt.Sprintf("ECR knows of %d %s findings, not yet of %d,", scan.Counts[severity], severity, n)}, nil
		}
	}
	return v, nil
}

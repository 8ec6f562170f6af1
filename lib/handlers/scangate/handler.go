package scangate

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// Scan is what ECR knows of an image's scan.
type Scan struct {
	// Status is ECR's word for the state of the scan.
	Status string
	// Counts are the findings by severity; a severity without any is absent.
	Counts map[string]int32
}

// Findings reads scans.
type Findings interface {
	// Of returns the scan of one image, by digest.
	Of(ctx context.Context, digest string) (Scan, error)
}

// Approvals records which image may be used.
type Approvals interface {
	// Approve makes the digest the approved one.
	Approve(ctx context.Context, digest string) error
}

// severities in rising order. ECR also knows UNDEFINED, for a finding that
// nobody has rated: it is reported and doesn't block.
var severities = []string{"INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

const undefined = "UNDEFINED"

// ParseSeverity checks the lowest severity that refuses an image.
func ParseSeverity(s string) (string, error) {
	if slices.Contains(severities[1:], s) {
		return s, nil
	}
	return "", fmt.Errorf("severity %q is unknown: expected LOW, MEDIUM, HIGH or CRITICAL", s)
}

// Handler decides about images.
type Handler struct {
	// Repository is the name of the ECR repository.
	Repository string
	// Block is the lowest severity that refuses an image; see ParseSeverity.
	Block string

	Findings  Findings
	Approvals Approvals
	Log       *slog.Logger
}

// Decision is what became of one event.
type Decision struct {
	Digest   string `json:"digest"`
	Approved bool   `json:"approved"`
	Reason   string `json:"reason"`
}

// detail is the part of an "ECR Image Scan" event that the gate reads. See
// docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html.
type detail struct {
	Status     string `json:"scan-status"`
	Repository string `json:"repository-name"`
	Digest     string `json:"image-digest"`
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Handle decides about the image of one event. It returns an error only where
// a repetition may help: EventBridge invokes asynchronously and Lambda repeats,
// and what still fails goes to the dead-letter queue.
func (h *Handler) Handle(ctx context.Context, e events.CloudWatchEvent) (Decision, error) {
	var d detail
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return Decision{}, fmt.Errorf("event %s has no readable detail: %w", e.ID, err)
	}
	log := h.Log.With("image", d.Digest, "repository", d.Repository)
	decision, err := h.decide(ctx, d)
	switch {
	case err != nil:
		log.ErrorContext(ctx, "the image is not approved: the decision failed", "error", err)
	case decision.Approved:
		log.InfoContext(ctx, "the image is approved", "reason", decision.Reason)
	default:
		log.WarnContext(ctx, "the image is refused", "reason", decision.Reason)
	}
	return decision, err
}

func (h *Handler) decide(ctx context.Context, d detail) (Decision, error) {
	refuse := func(format string, args ...any) (Decision, error) {
		return Decision{Digest: d.Digest, Reason: fmt.Sprintf(format, args...)}, nil
	}
	if d.Repository != h.Repository {
		return refuse("the event is about repository %q, not %s", d.Repository, h.Repository)
	}
	if !digestPattern.MatchString(d.Digest) {
		return refuse("the event has no image digest but %q", d.Digest)
	}
	if d.Status != "COMPLETE" {
		return refuse("the scan ended as %q, expected COMPLETE; start another one, or rebuild the image", d.Status)
	}
	// The event is only a hint: anybody who may put events on the default bus
	// could write one. ECR itself is asked.
	scan, err := h.Findings.Of(ctx, d.Digest)
	if err != nil {
		return Decision{Digest: d.Digest}, fmt.Errorf("findings of %s: %w", d.Digest, err)
	}
	if scan.Status == "IN_PROGRESS" || scan.Status == "PENDING" {
		return Decision{Digest: d.Digest}, fmt.Errorf("the scan of %s is %s although its event says COMPLETE", d.Digest, scan.Status)
	}
	if scan.Status != "COMPLETE" {
		return refuse("the scan is %q, expected COMPLETE", scan.Status)
	}
	if blocking := h.blocking(scan.Counts); blocking != "" {
		return refuse("findings at or above %s: %s", h.Block, blocking)
	}
	if err := h.Approvals.Approve(ctx, d.Digest); err != nil {
		return Decision{Digest: d.Digest}, fmt.Errorf("record %s as approved: %w", d.Digest, err)
	}
	return Decision{Digest: d.Digest, Approved: true, Reason: "no findings at or above " + h.Block + "; " + list(scan.Counts)}, nil
}

// blocking lists the findings that refuse the image. A severity that the gate
// doesn't know refuses too.
func (h *Handler) blocking(counts map[string]int32) string {
	least := slices.Index(severities, h.Block)
	found := map[string]int32{}
	for severity, n := range counts {
		rank := slices.Index(severities, severity)
		if n > 0 && severity != undefined && (rank < 0 || rank >= least) {
			found[severity] = n
		}
	}
	if len(found) == 0 {
		return ""
	}
	return list(found)
}

// list renders counts in a stable order.
func list(counts map[string]int32) string {
	var parts []string
	for _, severity := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[severity], severity))
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}

package starter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"

	"delivery.internal/lib/contract"
)

// Start is a checked request.
type Start struct {
	Pipeline string
	// Commit, Delivery and Pusher become variables of the execution; the
	// source action is pinned to the commit.
	Commit, Delivery, Pusher string
	// Cause is what the start goes back to, one of contract's causes, and Attempt
	// counts the starts that people ask for on top of it. The first is 1.
	Cause   string
	Attempt int
}

// Token makes a clientRequestToken, 64 hexadecimal digits: the same for every
// repetition of an event, and another for every other start.
func (s Start) Token() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", s.Delivery, s.Pipeline, s.Cause, s.Attempt))
	return hex.EncodeToString(sum[:])
}

// Pipelines starts pipelines.
type Pipelines interface {
	// Find returns the id of the execution that the delivery has started
	// already, "" where there is none among the most recent ones.
	Find(ctx context.Context, s Start) (id string, err error)
	// Start starts an execution and returns its id. With the token of an
	// earlier request it returns the execution of then, as long as CodePipeline
	// remembers the token, of which AWS says nothing.
	Start(ctx context.Context, s Start) (id string, err error)
}

// Handler answers events.
type Handler struct {
	// Sources maps each pipeline that may be started to the event source that
	// starts it.
	Sources map[string]string
	// Repository is owner/name; Branch is the delivered branch.
	Repository, Branch string

	Pipelines Pipelines
	Log       *slog.Logger
}

// Handle starts a pipeline. An error makes Lambda repeat the invocation, and
// ends in the dead-letter queue: what is refused is seen there too.
func (h *Handler) Handle(ctx context.Context, r contract.StartRequest) error {
	log := h.Log.With("event", r.Event.ID, "source", r.Event.Source)
	s, err := h.check(r)
	if err != nil {
		log.ErrorContext(ctx, "the event starts nothing", "error", err)
		return err
	}
	log = log.With("pipeline", s.Pipeline, "commit", s.Commit, "delivery", s.Delivery)
	id, err := h.Pipelines.Find(ctx, s)
	if err == nil && id != "" {
		log.InfoContext(ctx, "the delivery has started this pipeline before", "execution", id)
		return nil
	}
	if err == nil {
		id, err = h.Pipelines.Start(ctx, s)
	}
	if err != nil {
		log.ErrorContext(ctx, "the pipeline can't be started", "error", err)
		return err
	}
	log.InfoContext(ctx, "pipeline started", "execution", id, "pusher", s.Pusher)
	return nil
}

// check refuses everything that the platform's own receiver and deployers would
// not have sent.
func (h *Handler) check(r contract.StartRequest) (Start, error) {
	source, known := h.Sources[r.Pipeline]
	if !known {
		return Start{}, fmt.Errorf("%.100q is not a pipeline of this installation: expected one that the shared project lists", r.Pipeline)
	}
	if r.Event.Source != source {
		return Start{}, fmt.Errorf("pipeline %s was asked for by %.100q: expected an event of %s", r.Pipeline, r.Event.Source, source)
	}
	read := h.deployment
	if source == contract.PushSource {
		read = h.push
	}
	s, err := read(r.Event)
	if err != nil {
		return Start{}, err
	}
	s.Pipeline, s.Attempt = r.Pipeline, 1
	return s, s.check()
}

func (h *Handler) push(e contract.Event) (Start, error) {
	p, err := detail[contract.Push](e, contract.PushDetailType)
	if err == nil && (p.Repository != h.Repository || p.Branch != h.Branch) {
		err = fmt.Errorf("the push is to %.100q on %.100q: expected %s on %s", p.Branch, p.Repository, h.Branch, h.Repository)
	}
	return Start{Commit: p.Commit, Delivery: p.Delivery, Pusher: p.Pusher, Cause: contract.CausePush}, err
}

func (h *Handler) deployment(e contract.Event) (Start, error) {
	d, err := detail[contract.Deployment](e, contract.DeploymentDetailType)
	if err == nil && (e.Source != contract.DeploymentSource(d.Environment) || d.Outcome != contract.Succeeded) {
		err = fmt.Errorf("the deployment to %.100q has the outcome %.100q: expected a success of %s", d.Environment, d.Outcome, e.Source)
	}
	return Start{Commit: d.Commit, Delivery: d.Delivery, Pusher: d.Pusher, Cause: contract.CausePromotion}, err
}

// detail reads an event's detail, whose type must be the expected one.
func detail[T any](e contract.Event, detailType string) (T, error) {
	var out T
	if e.DetailType != detailType {
		return out, fmt.Errorf("the event has the detail type %.100q: expected %s", e.DetailType, detailType)
	}
	if err := json.Unmarshal(e.Detail, &out); err != nil {
		return out, fmt.Errorf("the event's detail is not a %s: %w", detailType, err)
	}
	return out, nil
}

func (s Start) check() error {
	switch {
	case !contract.IsCommit(s.Commit):
		return fmt.Errorf("%.100q is not a commit: expected 40 hexadecimal digits", s.Commit)
	case !contract.IsDeliveryID(s.Delivery):
		return fmt.Errorf("%.100q is not the id of a GitHub delivery: expected a UUID", s.Delivery)
	case !contract.IsPusher(s.Pusher):
		return fmt.Errorf("%.100q is not a GitHub login: expected one, or %q", s.Pusher, contract.Unset)
	}
	return nil
}

package starter_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers/starter"
)

const id = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

var commit = strings.Repeat("0a", 20)

// pipelines remembers what was started.
type pipelines struct {
	started      []starter.Start
	found        string
	err, findErr error
}

func (p *pipelines) Find(context.Context, starter.Start) (string, error) { return p.found, p.findErr }

func (p *pipelines) Start(_ context.Context, s starter.Start) (string, error) {
	p.started = append(p.started, s)
	return "execution", p.err
}

func (p *pipelines) handler() *starter.Handler {
	return &starter.Handler{
		Sources:    map[string]string{"dev": contract.PushSource, "staging": contract.PushSource, "prod": contract.DeploymentSource("staging")},
		Repository: "acme/infrastructure", Branch: "main",
		Pipelines: p, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func request(t *testing.T, pipeline, source, detailType string, detail any) contract.StartRequest {
	t.Helper()
	text, err := json.Marshal(detail)
	require.NoError(t, err)
	return contract.StartRequest{Pipeline: pipeline, Event: contract.Event{Source: source, DetailType: detailType, Detail: text}}
}

func push(t *testing.T, pipeline string, edit func(*contract.Push)) contract.StartRequest {
	p := contract.Push{Delivery: id, Repository: "acme/infrastructure", Branch: "main", Commit: commit, Pusher: "ada"}
	if edit != nil {
		edit(&p)
	}
	return request(t, pipeline, contract.PushSource, contract.PushDetailType, p)
}

func deployment(t *testing.T, pipeline string, edit func(*contract.Deployment)) contract.StartRequest {
	d := contract.Deployment{Environment: "staging", Outcome: contract.Succeeded, Delivery: id, Commit: commit, Pusher: "ada"}
	if edit != nil {
		edit(&d)
	}
	return request(t, pipeline, contract.DeploymentSource("staging"), contract.DeploymentDetailType, d)
}

func TestAPushAndADeploymentStartTheirPipelines(t *testing.T) {
	t.Parallel()
	for cause, r := range map[string]contract.StartRequest{"push": push(t, "dev", nil), "promotion": deployment(t, "prod", nil)} {
		p := &pipelines{}
		require.NoError(t, p.handler().Handle(t.Context(), r))
		require.Equal(t, []starter.Start{{Pipeline: r.Pipeline, Commit: commit, Delivery: id, Pusher: "ada", Cause: cause, Attempt: 1}}, p.started)
		require.Regexp(t, regexp.MustCompile(`^[a-zA-Z0-9-]{1,128}$`), p.started[0].Token())
	}
}

// However long CodePipeline remembers a token.
func TestWhatADeliveryHasStartedIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	p := &pipelines{found: "execution"}
	require.NoError(t, p.handler().Handle(t.Context(), push(t, "dev", nil)))
	require.Empty(t, p.started)
	p = &pipelines{findErr: errors.New("denied")}
	require.ErrorContains(t, p.handler().Handle(t.Context(), push(t, "dev", nil)), "denied")
	require.Empty(t, p.started, "what can't be looked up is not started")
}

func TestARepetitionHasTheTokenOfTheFirst(t *testing.T) {
	t.Parallel()
	p := &pipelines{}
	other := push(t, "dev", func(p *contract.Push) { p.Delivery = strings.Replace(id, "72", "73", 1) })
	for _, r := range []contract.StartRequest{push(t, "dev", nil), push(t, "dev", nil), push(t, "staging", nil), other} {
		require.NoError(t, p.handler().Handle(t.Context(), r))
	}
	first := p.started[0]
	require.Equal(t, first.Token(), p.started[1].Token())
	require.NotEqual(t, first.Token(), p.started[2].Token(), "another pipeline")
	require.NotEqual(t, first.Token(), p.started[3].Token(), "another delivery")
	again, promoted := first, first
	again.Attempt, promoted.Cause = 2, contract.CausePromotion
	require.NotEqual(t, first.Token(), again.Token(), "another attempt")
	require.NotEqual(t, first.Token(), promoted.Token(), "another cause")
}

func TestAFailureIsLeftToLambda(t *testing.T) {
	t.Parallel()
	p := &pipelines{err: errors.New("throttled")}
	require.ErrorContains(t, p.handler().Handle(t.Context(), push(t, "dev", nil)), "throttled")
}

const injected = `x"},{"name":"COMMIT","value":"e`

func TestWhatThePlatformDidNotSendStartsNothing(t *testing.T) {
	t.Parallel()
	pushed := func(edit func(*contract.Push)) contract.StartRequest { return push(t, "dev", edit) }
	deployed := func(edit func(*contract.Deployment)) contract.StartRequest { return deployment(t, "prod", edit) }
	text := pushed(nil)
	text.Event.Detail = json.RawMessage(`"text"`)
	for name, c := range map[string]struct {
		request contract.StartRequest
		want    string
	}{
		"an unknown pipeline":             {push(t, "other", nil), "is not a pipeline of this installation"},
		"no pipeline":                     {push(t, "", nil), "is not a pipeline of this installation"},
		"production by a push":            {push(t, "prod", nil), "expected an event of delivery.deployer.staging"},
		"dev by a deployment":             {deployment(t, "dev", nil), "expected an event of delivery.receiver"},
		"another detail type":             {request(t, "dev", contract.PushSource, "deployment", contract.Push{}), "expected push"},
		"a detail that is text":           {text, "is not a push"},
		"another repository":              {pushed(func(p *contract.Push) { p.Repository = "acme/other" }), "expected main on acme/infrastructure"},
		"another branch":                  {pushed(func(p *contract.Push) { p.Branch = "topic" }), "expected main on acme/infrastructure"},
		"a short commit":                  {pushed(func(p *contract.Push) { p.Commit = commit[:7] }), "40 hexadecimal digits"},
		"no commit":                       {pushed(func(p *contract.Push) { p.Commit = "" }), "40 hexadecimal digits"},
		"a delivery that is not a UUID":   {pushed(func(p *contract.Push) { p.Delivery = "by hand" }), "expected a UUID"},
		"a quote in the pusher":           {pushed(func(p *contract.Push) { p.Pusher = injected }), "is not a GitHub login"},
		"a deployment of dev":             {deployed(func(d *contract.Deployment) { d.Environment = "dev" }), "expected a success of delivery.deployer.staging"},
		"a deployment that failed":        {deployed(func(d *contract.Deployment) { d.Outcome = contract.Failed }), "expected a success"},
		"a deployment without a delivery": {deployed(func(d *contract.Deployment) { d.Delivery = contract.Unset }), "expected a UUID"},
		"a quote in a deployment":         {deployed(func(d *contract.Deployment) { d.Pusher = injected }), "is not a GitHub login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pipelines{}
			require.ErrorContains(t, p.handler().Handle(t.Context(), c.request), c.want)
			require.Empty(t, p.started)
		})
	}
}

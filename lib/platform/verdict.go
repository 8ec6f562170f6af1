package platform

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventbus"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/stackrefs"
)

// ScanGate is asked for its verdict on an image, and leaves it to be read.
type ScanGate interface {
	// Ask asks about an image.
	Ask(ctx context.Context, r contract.VerdictRequest) error
	// Verdict returns what the gate said last, the zero value where it has not
	// said anything.
	Verdict(ctx context.Context) (contract.ImageVerdict, error)
}

// gate is the ScanGate of an AWS account.
type gate struct {
	events    *eventbridge.Client
	ssm       *ssm.Client
	parameter string
}

// ScanGate returns the scan gate of the delivery account.
func (p *Platform) ScanGate(ctx context.Context) (ScanGate, error) {
	events, _, err := p.clients.config(ctx, "EVENTBRIDGE")
	if err != nil {
		return nil, err
	}
	parameters, _, err := p.clients.config(ctx, "SSM")
	if err != nil {
		return nil, err
	}
	return &gate{eventbridge.NewFromConfig(events), ssm.NewFromConfig(parameters), p.names.Of(naming.ImageVerdict)}, nil
}

// Ask implements ScanGate.
func (g *gate) Ask(ctx context.Context, r contract.VerdictRequest) error {
	detail, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return eventbus.Put(ctx, g.events, "default", eventbus.Event{Source: contract.ImageSource, DetailType: contract.VerdictDetailType, Detail: detail})
}

// Verdict implements ScanGate.
func (g *gate) Verdict(ctx context.Context) (v contract.ImageVerdict, err error) {
	out, err := g.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(g.parameter)})
	if err != nil {
		return v, err
	}
	text := ""
	if out.Parameter != nil {
		text = aws.ToString(out.Parameter.Value)
	}
	if text == stackrefs.ImageUnset {
		return v, nil
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fmt.Errorf("parameter %s holds no verdict: %w", g.parameter, err)
	}
	return v, nil
}

// Waiting says how long to wait for a verdict.
type Waiting struct {
	// Every is how often to look.
	Every time.Duration
	// Patience is how long in all. A scan takes seconds to minutes.
	Patience time.Duration
}

// askAgain is after how many looks the gate is asked again: what it was asked
// before the scan has ended, it answers with "waiting". ECR's own event may get
// lost: docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html.
const askAgain = 6

// WaitForVerdict asks the scan gate about an image until it approves or refuses
// it. A refusal is an error that names the findings.
func (p *Platform) WaitForVerdict(ctx context.Context, g ScanGate, image string, w Waiting) error {
	request := contract.VerdictRequest{Repository: p.names.Of(naming.ImageRepository), Image: image, Request: rand.Text()}
	limit := time.NewTimer(w.Patience)
	defer limit.Stop()
	ticker := time.NewTicker(w.Every)
	defer ticker.Stop()
	p.say("waiting for ECR's scan and the verdict of the scan gate")
	said := "it has not answered"
	for look := 0; ; look++ {
		if look%askAgain == 0 {
			if err := g.Ask(ctx, request); err != nil {
				return fmt.Errorf("the scan gate can't be asked about %s: %w; the image is pushed: run make image again, it is not built twice", image, err)
			}
		}
		v, err := g.Verdict(ctx)
		if err != nil {
			return fmt.Errorf("the verdict on %s can't be read: %w; the image is pushed: run make image again, it is not built twice", image, err)
		}
		if v.Request == request.Request && v.Image == image {
			if v.Status != contract.ImageWaiting {
				return p.report(v)
			}
			if said != v.Reason {
				said = v.Reason
				p.say("%s", said)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the verdict on %s is no longer waited for: %w; run make image again, the image is not built twice", image, ctx.Err())
		case <-limit.C:
			return fmt.Errorf("the scan gate has given no verdict on %s in %s: %s; read why in the log group %s, and run make image again: the image is not built twice", image, w.Patience, said, p.names.Of(naming.ScanGateLogs))
		case <-ticker.C:
		}
	}
}

// report says what a verdict says.
func (p *Platform) report(v contract.ImageVerdict) error {
	for _, a := range v.Accepted {
		where := ""
		if a.Package != "" {
			where = " in " + a.Package
		}
		p.say("accepted until %s: %s%s: %s", a.Expires, a.ID, where, a.Reason)
	}
	if v.More > 0 {
		p.say("%d more are in the log group %s", v.More, p.names.Of(naming.ScanGateLogs))
	}
	switch v.Status {
	case contract.ImageApproved:
		p.say("approved: %s", v.Reason)
		p.say("its digest is in the parameter %s, and 'make up PROJECT=environments/dev' takes it", p.names.Of(naming.ApprovedImage))
		return nil
	case contract.ImageRefused:
		lines := append([]string{fmt.Sprintf("the scan gate refuses the image %s: %s", v.Image, v.Reason)}, v.Blocking...)
		if len(v.Blocking) > 0 {
			lines = append(lines, fmt.Sprintf("a newer base or package may have the fix: change a comment in image/Dockerfile and run: make up PROJECT=shared && make image; a finding that does no harm is accepted under shared:acceptedFindings in shared/Pulumi.%s.yaml, see docs/deployment.md", p.Suffix))
		}
		return errors.New(strings.Join(lines, "\n  "))
	}
	return fmt.Errorf("the scan gate says %q of the image %s: expected approved or refused; bring both up to date with: make up PROJECT=shared", v.Status, v.Image)
}

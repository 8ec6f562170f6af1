package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/eventbridge"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// eventsService is EventBridge as a principal.
const eventsService = "events.amazonaws.com"

// defaultAttempts is how often EventBridge repeats a delivery by default.
const defaultAttempts = 185

// delivery is an event on its way to one target.
type delivery struct {
	rule, target *cloud.Resource
	event        event
	doc          map[string]any
}

func (d delivery) rulesARN() string { return ruleARN(d.rule) }

// temporary marks an error that a later attempt may not meet.
type temporary struct{ error }

func (t temporary) Unwrap() error { return t.error }

// deliver tries as often as the retry policy says, without the pauses, and
// gives up to the dead-letter queue.
func (r *Emulator) deliver(ctx context.Context, d delivery) {
	retries := defaultAttempts
	if n, ok := d.target.Value("retryPolicy.maximumRetryAttempts").(float64); ok {
		retries = int(n)
	}
	to := d.target.Str("arn")
	input, err := d.input()
	for attempt := 0; ; attempt++ {
		if err == nil {
			err = r.invokeTarget(ctx, d, input)
		}
		if err == nil {
			r.note("rule", d.rule.Name, map[string]any{"target": to, "event": d.event.ID}, "delivered to %s", to)
			// EventBridge delivers at least once.
			if r.cloud.Strike("events", "DeliverAgain", to) == nil {
				return
			}
			continue
		}
		var again temporary
		if !errors.As(err, &again) || attempt >= retries || ctx.Err() != nil {
			r.deadLetter(d, err, attempt)
			return
		}
		err = nil
	}
}

// input is what the target gets.
func (d delivery) input() (string, error) {
	t := d.target
	if s := t.Str("input"); s != "" {
		if !json.Valid([]byte(s)) {
			return "", fail("InvalidInput", "the constant input is not JSON text")
		}
		return s, nil
	}
	if path := t.Str("inputPath"); path != "" {
		v, found, err := eventbridge.Lookup(d.doc, path)
		if err == nil && !found {
			err = fail("InvalidInput", "the input path %s leads nowhere in the event", path)
		}
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(v)
		return string(text), err
	}
	s, err := settings[struct {
		Transformer *eventbridge.Transformer `json:"inputTransformer"`
	}](t)
	if err != nil {
		return "", err
	}
	if s.Transformer != nil {
		return s.Transformer.Apply(d.doc, d.reserved())
	}
	text, err := json.Marshal(d.doc)
	return string(text), err
}

// reserved are the variables that EventBridge defines in every template.
func (d delivery) reserved() map[string]any {
	without := map[string]any{}
	for k, v := range d.doc {
		if k != "detail" {
			without[k] = v
		}
	}
	return map[string]any{
		"aws.events.rule-arn": d.rulesARN(), "aws.events.rule-name": d.rule.Name,
		"aws.events.event.ingestion-time": d.event.Ingested.UTC().Format(time.RFC3339),
		"aws.events.event":                without, "aws.events.event.json": d.doc,
	}
}

// invokeTarget hands the input over, as the service that the ARN names wants it.
func (r *Emulator) invokeTarget(ctx context.Context, d delivery, input string) error {
	to := d.target.Str("arn")
	if f := r.cloud.Strike("events", "Deliver", to); f != nil {
		r.note("fault", to, nil, "%s at the delivery of an event", f.Code)
		return temporary{fail(f.Code, "the delivery was made to fail")}
	}
	if r.cloud.ByARN(to) == nil {
		return fail("ResourceNotFoundException", "the target %s does not exist", to)
	}
	switch service := arns.Of(to).Service; service {
	case "lambda":
		if err := r.fromRule(d, "lambda:InvokeFunction", to); err != nil {
			return err
		}
		return r.InvokeAsync(to, []byte(input))
	case "sns":
		return r.publishFor(publisher{service: eventsService, context: source(d.rulesARN(), d.event.Account)}, to, "", input)
	case "sqs":
		if err := r.fromRule(d, "sqs:SendMessage", to); err != nil {
			return err
		}
		return r.send(to, Message{Body: input}, publisher{service: eventsService})
	case "codepipeline":
		return r.startFor(d, to, input)
	default:
		return fail("InvalidTarget", "targets of the service %s are not played by the local cloud", service)
	}
}

func (r *Emulator) fromRule(d delivery, action, resource string) error {
	return r.cloud.Authorize(cloud.Call{Service: eventsService, Action: action, Resource: resource, Context: source(d.rulesARN(), d.event.Account)})
}

// startFor starts a pipeline with the target's role.
func (r *Emulator) startFor(d delivery, pipelineARN, input string) error {
	role := d.target.Str("roleArn")
	if role == "" {
		return fail("InvalidTarget", "the target has no role, without which EventBridge can't start a pipeline")
	}
	session, err := r.cloud.AssumeFor(eventsService, role, "events-"+d.event.ID, source(d.rulesARN(), d.event.Account))
	if err != nil {
		return err
	}
	if err := r.cloud.Authorize(cloud.Call{Session: session, Action: "codepipeline:StartPipelineExecution", Resource: pipelineARN}); err != nil {
		return err
	}
	with, err := r.targetInput(d, pipelineARN, input)
	if err != nil {
		return err
	}
	_, err = r.start(pipelineARN, start{Start: with, trigger: "CloudWatchEvent", detail: d.rulesARN()})
	return err
}

// overridable are the providers of the sources for which AWS documents that an
// event's input reaches the pipeline: "Amazon ECR source actions, Amazon S3
// source actions, or CodeCommit source actions". See
// https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-trigger-source-overrides.html
var overridable = []string{"ECR", "S3", "CodeCommit"}

// targetInput is what of the input reaches the pipeline. For a source that is
// a connection AWS documents nothing, and a public team saw the whole input
// dropped, which AWS's support called a known issue: commit a9be3270 of
// https://github.com/alphagov/forms-deploy. So it is dropped here.
func (r *Emulator) targetInput(d delivery, pipelineARN, input string) (awsapi.Start, error) {
	if d.target.Value("inputTransformer") == nil && d.target.Str("input") == "" {
		return awsapi.Start{}, nil
	}
	res := r.cloud.ByARN(pipelineARN)
	if res == nil {
		return awsapi.Start{}, nil // start says that it does not exist
	}
	s, err := settings[pipelineSettings](res)
	if err != nil {
		return awsapi.Start{}, err
	}
	for _, a := range s.sources() {
		if !slices.Contains(overridable, a.Provider) {
			r.note("rule", d.rule.Name, map[string]any{"target": pipelineARN, "event": d.event.ID},
				"the input is dropped: EventBridge hands none to a pipeline whose source is %s", a.Provider)
			return awsapi.Start{}, nil
		}
	}
	return readStart(input)
}

// deadLetter keeps an event that could not be delivered, or loses it.
func (r *Emulator) deadLetter(d delivery, cause error, retries int) {
	to, queue := d.target.Str("arn"), d.target.Str("deadLetterConfig.arn")
	fields := map[string]any{"target": to, "event": d.event.ID, "error": cause.Error(), "retries": retries, "queue": queue}
	if queue == "" {
		r.note("rule", d.rule.Name, fields, "the event is lost, there is no dead-letter queue: %v", cause)
		return
	}
	body, err := json.Marshal(d.doc)
	if err == nil {
		err = r.fromRule(d, "sqs:SendMessage", queue)
	}
	if err == nil {
		condition := "MaximumRetryAttempts"
		if retries == 0 {
			condition = "None"
		}
		err = r.send(queue, Message{Body: string(body), Attributes: map[string]string{
			"RULE_ARN": d.rulesARN(), "TARGET_ARN": to, "ERROR_CODE": codeOf(cause), "ERROR_MESSAGE": cause.Error(),
			"RETRY_ATTEMPTS": strconv.Itoa(retries), "EXHAUSTED_RETRY_CONDITION": condition,
		}}, publisher{service: eventsService})
	}
	if err != nil {
		fields["lost"] = err.Error()
		r.note("rule", d.rule.Name, fields, "the event is lost, the dead-letter queue refuses it: %v; after: %v", err, cause)
		return
	}
	r.note("rule", d.rule.Name, fields, "the event is in the dead-letter queue %s: %v", lastPart(queue), cause)
}

func lastPart(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

// publisher is who sends a message: a service or a session.
type publisher struct {
	service string
	session *cloud.Session
	context map[string][]string
	// keyContext are condition keys that a service sends to KMS as well.
	keyContext map[string][]string
}

func (p publisher) call(action, resource string, context map[string][]string) cloud.Call {
	return cloud.Call{Service: p.service, Session: p.session, Action: action, Resource: resource, Context: context}
}

// useKey authorises the calls to KMS that an encrypted topic or queue makes in
// the publisher's name. EventBridge sends no aws:Source keys along: SNS
// documents that conditions on them are not supported.
func (r *Emulator) useKey(p publisher, key, via, contextKey, contextValue string) error {
	if key == "" {
		return nil
	}
	k, err := r.cloud.Key(arns.Of(contextValue).Account, key)
	if err != nil {
		return fail("KMS"+strings.TrimPrefix(apierr.CodeOf(err), "KMS"), "the key %s of %s can't be used: %v", key, contextValue, err)
	}
	if k == nil {
		return nil
	}
	context := map[string][]string{"kms:EncryptionContext:" + contextKey: {contextValue}, "kms:EncryptionContextKeys": {contextKey}}
	maps.Copy(context, p.keyContext)
	if p.session != nil {
		context["kms:ViaService"] = []string{fmt.Sprintf("%s.%s.amazonaws.com", via, cloud.Region)}
		context["kms:CallerAccount"] = []string{p.session.Account}
	}
	for _, action := range []string{"kms:GenerateDataKey", "kms:Decrypt"} {
		if err := r.cloud.Authorize(p.call(action, k.ARN, context)); err != nil {
			return err
		}
	}
	return nil
}

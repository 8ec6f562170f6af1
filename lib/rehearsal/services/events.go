package services

import (
	"context"
	"encoding/json"
	"time"

	"delivery.internal/lib/aws/eventbridge"
	"delivery.internal/lib/aws/eventpattern"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// event is an event on a bus.
type event struct {
	ID, Account, Bus   string
	Source, DetailType string
	Resources          []string
	Detail             map[string]any
	Time, Ingested     time.Time
}

// doc is the event as JSON has it.
func (e event) doc() map[string]any {
	resources := []any{}
	for _, r := range e.Resources {
		resources = append(resources, r)
	}
	return map[string]any{
		"version": "0", "id": e.ID, "detail-type": e.DetailType, "source": e.Source, "account": e.Account,
		"time": e.Time.UTC().Format(time.RFC3339), "region": cloud.Region, "resources": resources, "detail": e.Detail,
	}
}

// PutEvent implements awsapi.Backend.
func (r *Emulator) PutEvent(in awsapi.Event) (string, error) {
	e := event{Account: in.Account, Bus: eventbridge.BusName(in.Bus), Source: in.Source, DetailType: in.DetailType, Resources: in.Resources}
	if err := in.Entry().Check(); err != nil {
		return "", err
	}
	if err := json.Unmarshal([]byte(in.Detail), &e.Detail); err != nil {
		return "", err
	}
	if e.Bus != eventbridge.DefaultBus && r.cloud.Get(e.Account, typetoken.EventBus, e.Bus) == nil {
		return "", fail("ResourceNotFoundException", "Event bus %s does not exist.", e.Bus)
	}
	return r.publish(e), nil
}

// EmitAWS puts an event of an AWS service on the default bus of an account,
// for instance of ECR when a scan has ended.
func (r *Emulator) EmitAWS(account, source, detailType string, resources []string, detail map[string]any) {
	r.publish(event{Account: account, Bus: eventbridge.DefaultBus, Source: source, DetailType: detailType, Resources: resources, Detail: detail})
}

// publish gives the event to the rules of its bus, in the background.
func (r *Emulator) publish(e event) string {
	e.ID, e.Time = newID(), r.cloud.Now()
	e.Ingested = e.Time
	r.note("event", e.Bus, map[string]any{"account": e.Account, "bus": e.Bus, "source": e.Source, "detailType": e.DetailType, "detail": e.Detail},
		"%s: %s", e.Source, e.DetailType)
	r.spawn(func(ctx context.Context) { r.route(ctx, e) })
	return e.ID
}

// route finds the rules that match.
func (r *Emulator) route(_ context.Context, e event) {
	doc, err := plainJSON(e.doc())
	if err != nil {
		r.note("rule", e.Bus, nil, "the event %s can't be read: %v", e.ID, err)
		return
	}
	for _, rule := range r.cloud.Find(e.Account, typetoken.EventRule, func(res *cloud.Resource) bool { return eventbridge.BusName(res.Str("eventBusName")) == e.Bus }) {
		if state := rule.Str("state"); state == "DISABLED" || rule.Str("eventPattern") == "" {
			continue
		}
		match, err := eventpattern.Compile(rule.Str("eventPattern"))
		if err != nil {
			r.note("rule", rule.Name, map[string]any{"error": err.Error()}, "the rule can't be played: %v", err)
			continue
		}
		if match(doc) {
			r.fire(rule, e, doc)
		}
	}
}

// fire delivers a matching event to every target of a rule.
func (r *Emulator) fire(rule *cloud.Resource, e event, doc map[string]any) {
	targets := r.cloud.Find(e.Account, typetoken.EventTarget, func(t *cloud.Resource) bool {
		return t.Str("rule") == rule.Str("name") && eventbridge.BusName(t.Str("eventBusName")) == e.Bus
	})
	r.note("rule", rule.Name, map[string]any{"bus": e.Bus, "event": e.ID, "targets": len(targets)}, "matches %s: %s", e.Source, e.DetailType)
	for _, t := range targets {
		r.spawn(func(ctx context.Context) { r.deliver(ctx, delivery{rule: rule, target: t, event: e, doc: doc}) })
	}
}

// plainJSON turns a value into what JSON makes of it.
func plainJSON(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(text, &out)
}

// ruleARN is what aws:SourceArn says of a rule.
func ruleARN(rule *cloud.Resource) string {
	if rule.ARN != "" {
		return rule.ARN
	}
	return cloud.ARN("events", rule.Account, "rule/"+eventbridge.RulePath(rule.Str("eventBusName"), rule.Name))
}

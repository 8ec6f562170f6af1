package services

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"delivery.internal/lib/aws/eventpattern"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// defaultBus is the bus that every account has and AWS services use.
const defaultBus = "default"

// maxEntry is how large an entry of PutEvents may be, in bytes.
const maxEntry = 256 << 10

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

// PutEvent implements awsapi.Backend. The API refuses sources that begin with
// aws. before; services come this way too.
func (r *Emulator) PutEvent(in awsapi.Event) (string, error) {
	e := event{Account: in.Account, Bus: busName(in.Bus), Source: in.Source, DetailType: in.DetailType, Resources: in.Resources}
	switch {
	case in.Source == "" || in.DetailType == "" || in.Detail == "":
		return "", fail("InvalidArgument", "Source, DetailType and Detail are required")
	case len(in.DetailType) > 128:
		return "", fail("InvalidArgument", "DetailType has %d characters: at most 128 are allowed", len(in.DetailType))
	case len(in.Source)+len(in.DetailType)+len(in.Detail) > maxEntry:
		return "", fail("EntryTooLarge", "the entry is larger than %d bytes", maxEntry)
	}
	if err := json.Unmarshal([]byte(in.Detail), &e.Detail); err != nil {
		return "", fail("MalformedDetail", "Detail is malformed.")
	}
	if e.Bus != defaultBus && r.cloud.Get(e.Account, typetoken.EventBus, e.Bus) == nil {
		return "", fail("ResourceNotFoundException", "Event bus %s does not exist.", e.Bus)
	}
	return r.publish(e), nil
}

// EmitAWS puts an event of an AWS service on the default bus of an account,
// for instance of ECR when a scan has ended.
func (r *Emulator) EmitAWS(account, source, detailType string, resources []string, detail map[string]any) {
	r.publish(event{Account: account, Bus: defaultBus, Source: source, DetailType: detailType, Resources: resources, Detail: detail})
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
	for _, rule := range r.cloud.Find(e.Account, typetoken.EventRule, func(res *cloud.Resource) bool { return busName(res.Str("eventBusName")) == e.Bus }) {
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
		return t.Str("rule") == rule.Str("name") && busName(t.Str("eventBusName")) == e.Bus
	})
	r.note("rule", rule.Name, map[string]any{"bus": e.Bus, "event": e.ID, "targets": len(targets)}, "matches %s: %s", e.Source, e.DetailType)
	for _, t := range targets {
		r.spawn(func(ctx context.Context) { r.deliver(ctx, delivery{rule: rule, target: t, event: e, doc: doc}) })
	}
}

// busName takes a bus by its name or its ARN.
func busName(bus string) string {
	if _, name, ok := strings.Cut(bus, ":event-bus/"); ok {
		return name
	}
	if bus == "" {
		return defaultBus
	}
	return bus
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
	if b := busName(rule.Str("eventBusName")); b != defaultBus {
		return cloud.ARN("events", rule.Account, fmt.Sprintf("rule/%s/%s", b, rule.Name))
	}
	return cloud.ARN("events", rule.Account, "rule/"+rule.Name)
}

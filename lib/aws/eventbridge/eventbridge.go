// Package eventbridge holds what EventBridge accepts: how buses and rules are
// named, entries of PutEvents, and input transformers. Event patterns are in
// package eventpattern.
package eventbridge

import (
	"strings"

	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A bus is given by its name or its ARN; without either the account's bus default is meant.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html",
		Enforced: "BusName",
	},
	{
		Rule:     "The ARN of a rule on the bus default ends with rule/NAME, on any other bus with rule/BUS/NAME.",
		Page:     "https://docs.aws.amazon.com/service-authorization/latest/reference/list_events.html",
		Enforced: "RulePath",
	},
	{
		Rule:     "PutEvents takes 1 to 10 entries.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html",
		Enforced: "CheckRequest",
	},
	{
		Rule:     "An entry has a Source, a DetailType of at most 128 characters, and a JSON object as Detail.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html",
		Enforced: "Entry.Check",
	},
	{
		Rule:     "The entries of one request have less than 256 KB together: Source, DetailType, Detail, Resources, and 14 bytes for Time.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html",
		Enforced: "CheckRequest, Entry.Size",
	},
	{
		Rule:     "Sources that begin with aws. are reserved for AWS services.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html",
		Enforced: "Entry.Check",
	},
	{
		Rule:     "A transformer has at most 100 input paths; their names are letters, digits, _ and - and do not begin with AWS.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html",
		Enforced: "Transformer.Check",
	},
	{
		Rule:     "A JSON path uses dots, letters, digits, dashes, underscores, slashes, array indexes and *; no names in brackets and no filters.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html",
		Enforced: "CheckPath, Lookup",
	},
	{
		Rule:     "A template is JSON or lines of quoted text; a variable is a value or inside of a string, never a key; <aws.events.event> and <aws.events.event.json> are never inside of a string.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html",
		Enforced: "Transformer.Check, Transformer.Apply",
	},
}

// DefaultBus is the bus that every account has and AWS services use.
const DefaultBus = "default"

// BusName is the name of a bus that is given by its name or ARN.
func BusName(ref string) string {
	if _, name, ok := strings.Cut(ref, ":event-bus/"); ok {
		return name
	}
	if ref == "" {
		return DefaultBus
	}
	return ref
}

// RulePath is a rule as its ARN names it behind rule/, and as the provider
// identifies it.
func RulePath(bus, rule string) string {
	if BusName(bus) == DefaultBus {
		return rule
	}
	return BusName(bus) + "/" + rule
}

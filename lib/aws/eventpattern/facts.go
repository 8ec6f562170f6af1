package eventpattern

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A pattern names fields of the event; a field matches with any of its listed values, and all fields must match.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html",
		Enforced: "Compile",
	},
	{
		Rule:     "The operators are exists, numeric, anything-but, prefix, suffix, equals-ignore-case, wildcard, cidr and $or, each with its own kind of argument.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html",
		Enforced: "compileLeaf, compileText, compileNumeric, compileAnythingBut, compileOr",
	},
}

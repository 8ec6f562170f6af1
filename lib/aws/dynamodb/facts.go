package dynamodb

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A condition compares operands and joins comparisons and functions with AND, OR, NOT and parentheses.",
		Page:     "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html",
		Enforced: "Expressions.Compile, compare",
	},
	{
		Rule:     "SET gives attributes values that are all computed from the item as it was before the update.",
		Page:     "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html",
		Enforced: "Compiled.Apply",
	},
	{
		Rule:     "A reserved word names an attribute only through a placeholder, in whatever case it is written.",
		Page:     "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html",
		Enforced: "parser.attribute",
	},
}

package typetoken

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A type token is package:module/file:Type; the V2 of the tokens of buckets is that of pulumi-aws 6.",
		Page:     "https://www.pulumi.com/docs/iac/concepts/resources/names/",
		Enforced: "Bucket",
	},
}

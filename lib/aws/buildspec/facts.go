package buildspec

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "The version is 0.2, or 0.1 of old; a key that the reference does not list is an error, and so is a phase without commands.",
		Page:     "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html",
		Enforced: "Parse",
	},
}

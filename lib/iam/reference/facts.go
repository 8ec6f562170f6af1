package reference

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "The actions of a service, the resources that each is allowed on and the condition keys that its requests carry are those of the service authorization reference.",
		Page:     "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
		Enforced: "Known, Resourceless, Fits, Carries, KnownKey, Multivalued",
	},
	{
		Rule:     "Some of the global condition keys are only in requests that a service makes itself, and those of tags are listed action by action.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
		Enforced: "global, fromService, ofTags, globalMultivalued",
	},
	{
		Rule:     "A role that is assumed with a web identity is restricted by keys of the identity provider.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif",
		Enforced: "unlisted",
	},
	{
		Rule:     "Policies name a log group with :* behind its name, for all actions but those on tags.",
		Page:     "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html",
		Enforced: "logGroup, templates",
	},
}

package iam

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "An explicit Deny wins over every Allow, and what nothing allows is denied.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
		Enforced: "Evaluate",
	},
	{
		Rule:     "In one account the policy of the identity or of the resource suffices.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html",
		Enforced: "evaluation.inAccount",
	},
	{
		Rule:     "Between accounts both the policy of the identity and that of the resource must allow.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html",
		Enforced: "evaluation.acrossAccounts",
	},
	{
		Rule:     "A permissions boundary limits what the identity's policies grant; a grant of the resource to a session is not limited by its implicit deny.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
		Enforced: "evaluation.limitedBy, evaluation.inAccount",
	},
	{
		Rule:     "Nobody may use a key that its own policy does not open, directly or through the account's root.",
		Page:     "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
		Enforced: "evaluation.resourceDecides",
	},
	{
		Rule:     "A role is assumed only by whom its trust policy names.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html",
		Enforced: "evaluation.resourceDecides",
	},
	{
		Rule:     "A key of the request that is missing does not meet a condition, except with IfExists, a negated operator or ForAllValues.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html",
		Enforced: "Condition.isMet, operator.metWithoutKey, comparisons",
	},
	{
		Rule:     "ForAllValues and ForAnyValue compare several values of one key; a plain operator compares one.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html",
		Enforced: "Condition.isMet",
	},
	{
		Rule:     "A request of PutEvents with two sources does not meet a plain operator.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html",
		Enforced: "Condition.isMet",
	},
	{
		Rule:     "Variables are replaced by literal text; one without a value matches nothing, and ${*}, ${?} and ${$} are the characters.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
		Enforced: "compile",
	},
	{
		Rule:     "Of the global condition keys, some are in every request.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html",
		Enforced: "Request.contextValues",
	},
	{
		Rule:     "The ARNs of a service's resources have the forms of the service authorization reference, and an action or key that it does not know is refused.",
		Page:     "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
		Enforced: "resourceForms, knownAction",
	},
	{
		Rule:     "The elements of a document are those of the grammar, each once.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
		Enforced: "Parse",
	},
	{
		Rule:     "A managed policy has at most 6144 characters, the inline policies of a role 10240 together, a trust policy 2048; white space does not count.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
		Enforced: "maxManaged, maxInline, maxTrust, CheckInline",
	},
	{
		Rule:     "A principal is an account, a role, a user, a session, a service or everyone; it has no wildcard within an ARN.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
		Enforced: "validation.checkPrincipals",
	},
	{
		Rule:     "The policy of a bucket has at most 20 KB.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html",
		Enforced: "maxOfService",
	},
	{
		Rule:     "The policy of a key has at most 32 KB.",
		Page:     "https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html",
		Enforced: "maxOfService",
	},
	{
		Rule:     "The policy of a queue has at most 20 statements, 50 principals and 10 conditions.",
		Page:     "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html",
		Enforced: "validation.checkQueue",
	},
	{
		Rule:     "The policy of a topic speaks of the actions of topics alone.",
		Page:     "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html",
		Enforced: "topicActions",
	},
	{
		Rule:     "A key policy must leave the caller the right to change it again.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html",
		Enforced: "validation.checkLockout",
	},
}

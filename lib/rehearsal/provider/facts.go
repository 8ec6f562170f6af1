package provider

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A resource has at most 50 tags; keys have 1 to 128 characters and do not begin with aws:, values 256 at most.",
		Page:     "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#tag-conventions",
		Enforced: "checker.checkTags",
	},
	{
		Rule:     "A service is given a role only by who may pass it, and only where the role trusts the service.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
		Enforced: "Call.handOver",
	},
	{
		Rule:     "KMS rotates symmetric keys alone, every 90 to 2560 days.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html",
		Enforced: "planKey",
	},
	{
		Rule:     "A key without a policy of its own gets the one that opens it to the account.",
		Page:     "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
		Enforced: "defaultKeyPolicy",
	},
	{
		Rule:     "An alias is made, changed and deleted by who may do so on the alias and on every key concerned.",
		Page:     "https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html",
		Enforced: "aliasKind",
	},
	{
		Rule:     "A bucket policy speaks of its own bucket, and is not public where the bucket blocks that.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
		Enforced: "planBucketPolicy, refusePublic, fixing",
	},
	{
		Rule:     "A lifecycle has at most 1000 rules with unique ids, each with one filter and at least one action.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html",
		Enforced: "planLifecycle, lifecycleInputs",
	},
	{
		Rule:     "An object has at most 10 tags.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html",
		Enforced: "planObject",
	},
	{
		Rule:     "PutPermission and RemovePermission know no resource.",
		Page:     "https://docs.aws.amazon.com/service-authorization/latest/reference/list_events.html#list_events-actions-as-permissions",
		Enforced: "eventBusPolicy",
	},
	{
		Rule:     "A rule has at most 5 targets, and a pattern 2048 characters.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
		Enforced: "maxTargets, maxPattern",
	},
	{
		Rule:     "Targets other than Lambda, SNS, SQS, log groups and buses are reached with a role.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html",
		Enforced: "withoutRole",
	},
	{
		Rule:     "A rate has a positive number and a unit that agrees with it; a cron expression has six fields.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html",
		Enforced: "planEventRule",
	},
	{
		Rule:     "The dead-letter queue of a FIFO queue is a FIFO queue.",
		Page:     "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
		Enforced: "sqsDeadLetters",
	},
	{
		Rule:     "A dead-letter queue is of the same account and accepts the queue.",
		Page:     "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
		Enforced: "sqsDeadLetters",
	},
	{
		Rule:     "A trail needs the right to write to its bucket at its creation.",
		Page:     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
		Enforced: "trailBucket",
	},
	{
		Rule:     "A trail needs GenerateDataKey and DescribeKey on its key, and Decrypt where its bucket has a bucket key.",
		Page:     "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html",
		Enforced: "trailKey, trailEncryption",
	},
	{
		Rule:     "A log group's key must be open to the Logs service of the region, for this log group.",
		Page:     "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
		Enforced: "logsKey",
	},
	{
		Rule:     "A function has at most 4 KB of environment variables, of which some names are Lambda's.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
		Enforced: "planLambdaEnv, lambdaReserved",
	},
	{
		Rule:     "An action has the inputs, outputs and settings that its provider's reference lists.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html",
		Enforced: "actionTypes",
	},
	{
		Rule:     "A build environment offers the compute types of its kind.",
		Page:     "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html",
		Enforced: "codebuildCompute",
	},
	{
		Rule:     "A lifecycle policy of ECR has rules with unique priorities and the properties of the reference.",
		Page:     "https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html",
		Enforced: "planECRLifecycle",
	},
	{
		Rule:     "The names of secrets and variables of GitHub do not begin with GITHUB_.",
		Page:     "https://docs.github.com/en/actions/reference/security/secrets",
		Enforced: "refuseGitHubPrefix",
	},
	{
		Rule:     "A private repository of a free plan has no protected branches.",
		Page:     "https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches",
		Enforced: "withinPlan",
	},
	{
		Rule:     "Of the 1,000 concurrent executions of an account, 100 stay without a reservation.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
		Enforced: "lambdaUnreserved",
	},
}

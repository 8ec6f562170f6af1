package services

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A target is tried 185 times by default, and then its event goes to the dead-letter queue.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
		Enforced: "Emulator.deliver, Emulator.deadLetter, defaultAttempts",
	},
	{
		Rule:     "The input of a rule reaches a pipeline whose source is ECR, S3 or CodeCommit.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-trigger-source-overrides.html",
		Enforced: "overridable, Emulator.targetInput",
	},
	{
		Rule:     "SNS and SQS use their key in the publisher's name; EventBridge sends no aws:Source keys to KMS.",
		Page:     "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
		Enforced: "Emulator.useKey",
	},
	{
		Rule:     "An alarm publishes as cloudwatch.amazonaws.com with its ARN as aws:SourceArn.",
		Page:     "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html",
		Enforced: "Emulator.alarmAction",
	},
	{
		Rule:     "What an alarm does without data is said by treatMissingData.",
		Page:     "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html",
		Enforced: "alarmSettings.next",
	},
	{
		Rule:     "Lambda needs 755 for programs and folders and 644 for other files.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html",
		Enforced: "mayExecute",
	},
	{
		Rule:     "An artifact's key has 20 characters of the pipeline, 10 of the artifact and 7 random ones.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/services-codepipeline.html",
		Enforced: "action.newArtifact",
	},
	{
		Rule:     "A stage lets in as many requests of a route at once as its burst limit says, and then as many a second as its rate.",
		Page:     "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html",
		Enforced: "bucket.take, Emulator.admit",
	},
	{
		Rule:     "No more instances of a function run at once than are reserved for it.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
		Enforced: "function.enter",
	},
	{
		Rule:     "Lambda gives an event up at once whose function has a reserved concurrency of zero.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
		Enforced: "Emulator.queued",
	},
	{
		Rule:     "Lambda keeps an event whose function is throttled.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
		Enforced: "Emulator.queued",
	},
	{
		Rule:     "A project that is deleted leaves its builds.",
		Page:     "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_DeleteProject.html",
		Enforced: "Emulator.FindBuild",
	},
	{
		Rule:     "A build looks whose bucket it is before it uses it, which its service role must allow.",
		Page:     "https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html",
		Enforced: "build.identify",
	},
}

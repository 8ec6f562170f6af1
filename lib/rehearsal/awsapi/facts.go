package awsapi

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A bucket that does not belong to the expected account is denied, whatever the policies allow.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html",
		Enforced: "Server.expectOwner",
	},
	{
		Rule:     "Whoever may list a bucket learns that an object is missing; others are denied.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
		Enforced: "Server.missing",
	},
	{
		Rule:     "The parts of an upload need kms:Decrypt, its beginning kms:GenerateDataKey.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html",
		Enforced: "Server.allowObject",
	},
	{
		Rule:     "A request of PutEvents is judged once for each bus, with the sources and detail types of all entries, and refused as a whole.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html",
		Enforced: "Server.putEvents",
	},
	{
		Rule:     "The date of a signature is at most 15 minutes off.",
		Page:     "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html",
		Enforced: "Server.authenticate",
	},
	{
		Rule:     "A signature covers the request, and its region is the service's.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html",
		Enforced: "Server.authenticate",
	},
	{
		Rule:     "Encrypt takes at most 4096 bytes.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html",
		Enforced: "Server.encrypt",
	},
	{
		Rule:     "PutParameter does not overwrite a value without Overwrite.",
		Page:     "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
		Enforced: "Server.putParameter",
	},
	{
		Rule:     "A secret is encrypted with SecretARN and SecretVersionId as context, in the caller's name.",
		Page:     "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
		Enforced: "Server.getSecretValue",
	},
	{
		Rule:     "An execution starts with source revisions, variables and a token that makes it start once.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html",
		Enforced: "Start",
	},
	{
		Rule:     "The executions of a pipeline are listed newest first, 100 on a page, without their variables.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelineExecutions.html",
		Enforced: "Server.listExecutions, maxExecutions",
	},
	{
		Rule:     "An execution that is asked for by its id is told with its variables as they were resolved.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineExecution.html",
		Enforced: "Server.getExecution",
	},
	{
		Rule:     "UpdateItem changes an item or adds a new one, and leaves the attributes of its key alone.",
		Page:     "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html",
		Enforced: "Server.updateItem",
	},
	{
		Rule:     "A secret is read at a staging label, which is AWSCURRENT where the request names none.",
		Page:     "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html",
		Enforced: "Server.getSecretValue",
	},
}

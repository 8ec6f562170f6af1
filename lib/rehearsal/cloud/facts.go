package cloud

import "delivery.internal/lib/aws/fact"

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A session that a role's session assumes lasts one hour at most.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html",
		Enforced: "Cloud.AssumeRole",
	},
	{
		Rule:     "A session lasts no longer than the role's MaxSessionDuration.",
		Page:     "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
		Enforced: "Cloud.AssumeRole",
	},
	{
		Rule:     "AWS Organizations makes the role OrganizationAccountAccessRole, which trusts the management account alone.",
		Page:     "https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html",
		Enforced: "OrganizationRole",
	},
	{
		Rule:     "Bucket names are unique among all accounts.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
		Enforced: "StrangerAccount",
	},
	{
		Rule:     "A deleted key is pending deletion: nobody can use it any more.",
		Page:     "https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
		Enforced: "Cloud.PendingDeletion, Cloud.Key",
	},
	{
		Rule:     "A new value of a secret takes AWSCURRENT, and the value before it AWSPREVIOUS.",
		Page:     "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html",
		Enforced: "SecretVersions.Put",
	},
	{
		Rule:     "ECR emits the event of a scan's end on a best effort basis.",
		Page:     "https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html",
		Enforced: "ScanResult",
	},
}

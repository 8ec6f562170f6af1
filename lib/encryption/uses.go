package encryption

import (
	"slices"

	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// thisKey is why key policies may say "*": KMS reads it as the key that the
// policy is attached to, and the key's ARN isn't known when it is created.
const thisKey = "in a key policy \"*\" means this key"

// administration is everything that administers a key and nothing that uses
// it: never kms:*. The account's own IAM policies decide who has it, so a key
// can't be locked out. RetireGrant is what ECR asks of the one who deletes an
// encrypted repository.
var administration = []string{
	"kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListKeyPolicies",
	"kms:GetKeyRotationStatus", "kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:ListKeyRotations", "kms:RotateKeyOnDemand",
	"kms:UpdateKeyDescription", "kms:EnableKey", "kms:DisableKey",
	"kms:TagResource", "kms:UntagResource", "kms:ListResourceTags",
	"kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias",
	"kms:ListGrants", "kms:RevokeGrant", "kms:RetireGrant",
	"kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
}

// What a role may do with a key: the same as by its own policy, except for
// DescribeKey, which the administration leaves to that.
// Encrypt is for the secrets provider of the Pulumi CLI, which encrypts its data
// key with it; all else is S3 and SNS.
var (
	readOnly  = []string{"kms:Decrypt"}
	writeOnly = []string{"kms:GenerateDataKey"}
	readWrite = []string{"kms:Decrypt", "kms:GenerateDataKey"}
	full      = []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
)

// Platform is the policy of the platform key, which encrypts the platform's
// state, the build image, the topics, the webhook secret, the ledger, the
// audit trail and the image's source.
func Platform(s settings.Settings) iampolicy.Document {
	scope, shared := s.Delivery(), s.Namer(naming.Shared)
	var readers, writers, askers []string
	for _, e := range s.Environments {
		names := s.Namer(e.Name)
		writers = append(writers, buildproject.Roles(scope, names, buildproject.Recording)...)
		if e.Follows != "" {
			readers = append(readers, buildproject.Roles(scope, names, buildproject.Every)...)
		}
		if e.Approval {
			askers = append(askers, scope.Role(names.Of(naming.PipelineRole)))
		}
	}
	return document(
		administrators(scope),
		grants(scope),
		users(scope, "Operators", full, s.Operators...),
		users(scope, "WebhookSecret", readOnly, scope.Role(shared.Of(naming.ReceiverRole))),
		users(scope, "ImageBuild", readOnly, scope.Role(shared.Of(naming.ImageRole))),
		users(scope, "LedgerReaders", readOnly, readers...),
		users(scope, "LedgerWriters", writeOnly, writers...),
		users(scope, "ApprovalTopic", readWrite, askers...),
		logs(scope, shared.Of(naming.ImageLogs), shared.Of(naming.ScanGateLogs), shared.Of(naming.StarterLogs),
			shared.Of(naming.ReceiverLogs), shared.Of(naming.WebhookAPILogs)),
		topics(),
		alarms(scope, s.DeadLetterAlarms()),
		trail(scope, shared.Of(naming.AuditTrail)),
		trailReads(scope, shared.Of(naming.AuditTrail)),
	)
}

// document leaves out the statements that name nobody: which roles there are
// depends on the settings, and a condition needs a value.
func document(statements ...iampolicy.Statement) iampolicy.Document {
	return iampolicy.New(slices.DeleteFunc(statements, func(s iampolicy.Statement) bool {
		arns, named := s.Condition["StringEquals"]["aws:PrincipalArn"]
		return named && len(arns) == 0
	})...)
}

// ForEnvironment is the policy of an environment's key, which encrypts the
// workloads' state and secrets, the artifacts and the build logs. The
// platform's operators are not among its users: nobody reads workload state
// but the pipeline.
func ForEnvironment(s settings.Settings, env naming.Environment) iampolicy.Document {
	scope, names := s.Delivery(), s.Namer(env)
	var groups []string
	for _, step := range buildproject.Steps() {
		groups = append(groups, names.Of(step.Kinds.Logs))
	}
	return iampolicy.New(
		administrators(scope),
		users(scope, "Pipeline", full,
			buildproject.Roles(scope, names, buildproject.Every)...),
		users(scope, "Artifacts", readWrite, scope.Role(names.Of(naming.PipelineRole))),
		logs(scope, groups...),
	)
}

func administrators(scope naming.Scope) iampolicy.Statement {
	return iampolicy.Allow(administration...).Named("Administration").ToAWS(scope.Root()).AnyResource(thisKey)
}

// grants lets ECR make the grants by which it encrypts a repository, for the
// account's callers who make one. No other service can, and nobody can hand a
// grant to a person with it.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
func grants(scope naming.Scope) iampolicy.Statement {
	return iampolicy.Allow("kms:CreateGrant").Named("ServiceGrants").ToAWS(scope.Root()).AnyResource(thisKey).
		When(iampolicy.Bool("kms:GrantIsForAWSResource", true), iampolicy.StringEquals("kms:ViaService", "ecr."+scope.Region+".amazonaws.com"))
}

// users names roles by a condition and not as principals, because KMS refuses
// a policy with principals that don't exist yet, and would forget a role that
// is deleted and made again.
func users(scope naming.Scope, sid string, actions []string, arns ...string) iampolicy.Statement {
	return iampolicy.Allow(actions...).Named(sid).ToAWS(scope.Root()).AnyResource(thisKey).
		When(iampolicy.StringEquals("aws:PrincipalArn", arns...))
}

// logs lets CloudWatch Logs encrypt exactly these log groups. AWS's example
// lists DescribeKey as well, which no encryption context ever comes with.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func logs(scope naming.Scope, groups ...string) iampolicy.Statement {
	var arns []string
	for _, g := range groups {
		arns = append(arns, scope.LogGroup(g))
	}
	return iampolicy.Allow("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey",
		"kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo").
		Named("Logs").ToService("logs." + scope.Region + ".amazonaws.com").AnyResource(thisKey).
		When(iampolicy.ArnEquals("kms:EncryptionContext:aws:logs:arn", arns...))
}

// topics lets EventBridge publish to the encrypted topics. SNS documents that
// aws:Source conditions are not supported here: they would drop messages in
// silence. The topic policies say which rules may publish.
func topics() iampolicy.Statement {
	return iampolicy.Allow(readWrite...).Named("Topics").ToService("events.amazonaws.com").AnyResource(thisKey)
}

// alarms lets CloudWatch publish to the encrypted topics for exactly these
// alarms. Unlike EventBridge it sends the aws:Source keys along. See
// "Enable compatibility between event sources from AWS services and encrypted topics",
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
func alarms(scope naming.Scope, arns []string) iampolicy.Statement {
	return iampolicy.Allow(readWrite...).Named("Alarms").ToService("cloudwatch.amazonaws.com").AnyResource(thisKey).
		When(iampolicy.StringEquals("aws:SourceAccount", scope.Account), iampolicy.ArnEquals("aws:SourceArn", arns...))
}

// trail lets CloudTrail encrypt the log files of exactly this trail.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
func trail(scope naming.Scope, name string) iampolicy.Statement {
	return iampolicy.Allow("kms:GenerateDataKey").Named("Trail").ToService("cloudtrail.amazonaws.com").AnyResource(thisKey).
		When(iampolicy.StringEquals("aws:SourceArn", scope.Trail(name)),
			iampolicy.StringEquals("kms:EncryptionContext:aws:cloudtrail:arn", scope.Trail(name)))
}

// trailReads is apart because these carry no trail in an encryption context:
// the page ties them to aws:SourceArn alone. It lists Decrypt as required, and
// with a bucket key on the trail's bucket CreateTrail fails without it.
func trailReads(scope naming.Scope, name string) iampolicy.Statement {
	return iampolicy.Allow("kms:Decrypt", "kms:DescribeKey").Named("TrailReads").ToService("cloudtrail.amazonaws.com").AnyResource(thisKey).
		When(iampolicy.StringEquals("aws:SourceArn", scope.Trail(name)))
}

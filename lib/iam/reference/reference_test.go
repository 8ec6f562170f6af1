package reference_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam/reference"
)

func TestKnownActionsAreIAMActionsAndNotOperations(t *testing.T) {
	t.Parallel()
	for _, action := range []string{
		"s3:ListBucket", "s3:ListAllMyBuckets", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:DeleteObjectVersion",
		"kms:ReEncryptFrom", "kms:ReEncryptTo", "lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "iam:PassRole", "sts:TagSession",
		"apigateway:GET", "dynamodb:PartiQLSelect", "dynamodb:ConditionCheckItem", "codebuild:CreateReport", "codebuild:BatchPutTestCases",
		"codeconnections:UseConnection", "codeconnections:PassConnection", "ecr:BatchGetImage", "events:PutEvents", "logs:PutLogEvents",
		"S3:getobject", // IAM compares actions without regard to case
	} {
		require.True(t, reference.Known(action), action)
	}
	for _, action := range []string{
		"s3:ListObjectsV2", "s3:HeadObject", "s3:CopyObject", "s3:GetBucketEncryption", "s3:PutBucketLifecycleConfiguration", "kms:ReEncrypt",
		"lambda:Invoke", "dynamodb:TransactWriteItems", "dynamodb:ExecuteStatement", "sns:PublishBatch", "sqs:SendMessageBatch", "s3", "s3:", "", "#",
	} {
		require.False(t, reference.Known(action), action)
	}
	require.Contains(t, reference.Actions(), "s3:getobject")
}

// TestTheReferenceSaysWhatItsPagesSay holds rows that are known from AWS's pages
// and not from the data set.
func TestTheReferenceSaysWhatItsPagesSay(t *testing.T) {
	t.Parallel()
	const account = "111122223333"
	for _, c := range []struct {
		action, resource string
		fits             bool
	}{
		{"s3:GetObject", "arn:aws:s3:::box/a/b", true},
		{"s3:GetObject", "arn:aws:s3:::box/*", true},
		{"s3:GetObject", "arn:aws:s3:::box", false},
		{"s3:ListBucket", "arn:aws:s3:::box", true},
		{"s3:ListBucket", "arn:aws:s3:::box/*", false},
		{"kms:Decrypt", "arn:aws:kms:us-east-1:" + account + ":key/k", true},
		{"kms:Decrypt", "arn:aws:kms:us-east-1:" + account + ":alias/k", false},
		{"kms:CreateAlias", "arn:aws:kms:us-east-1:" + account + ":alias/aws/k", true},
		{"logs:PutLogEvents", "arn:aws:logs:us-east-1:" + account + ":log-group:/a/b:*", true},
		{"logs:CreateLogStream", "arn:aws:logs:us-east-1:" + account + ":log-group:b:*", true},
		{"ecr:BatchGetImage", "arn:aws:ecr:us-east-1:" + account + ":repository/team/images", true},
		{"iam:PassRole", "arn:aws:iam::" + account + ":role/app/r", true},
		{"iam:PassRole", "arn:aws:iam::" + account + ":policy/r", false},
		{"sts:AssumeRole", "arn:aws:iam::" + account + ":role/r", true},
		{"ssm:GetParameter", "arn:aws:ssm:us-east-1:" + account + ":parameter/a/b", true},
		{"sqs:SendMessage", "arn:aws:sqs:us-east-1:" + account + ":q", true},
		{"sqs:SendMessage", "arn:aws:sqs:us-east-1:" + account + ":q:r", false},
		{"codebuild:BatchGetBuilds", "arn:aws:codebuild:us-east-1:" + account + ":project/p", true},
		{"codepipeline:StartPipelineExecution", "arn:aws:codepipeline:us-east-1:" + account + ":p", true},
		{"codepipeline:StartPipelineExecution", "arn:aws:codepipeline:us-east-1:" + account + ":p/Stage", false},
		{"ecr:GetAuthorizationToken", "arn:aws:ecr:us-east-1:" + account + ":repository/r", false},
	} {
		require.Equal(t, c.fits, reference.Fits(c.action, c.resource), "%s on %s", c.action, c.resource)
	}
	for _, c := range []struct {
		action, key string
		carries     bool
	}{
		{"kms:Decrypt", "kms:EncryptionContext:aws:logs:arn", true},
		{"kms:DescribeKey", "kms:EncryptionContext:aws:logs:arn", false},
		{"kms:CreateGrant", "kms:GrantIsForAWSResource", true},
		{"kms:Decrypt", "kms:GrantIsForAWSResource", false},
		{"kms:Decrypt", "KMS:viaservice", true},
		{"events:PutEvents", "events:source", true},
		{"events:PutTargets", "events:source", false},
		{"s3:PutObject", "s3:x-amz-acl", true},
		{"s3:PutObject", "s3:x-amz-acll", false},
		{"s3:GetBucketAcl", "s3:x-amz-acl", false},
		{"sts:AssumeRole", "sts:ExternalId", true},
		{"sts:TagSession", "aws:TagKeys", true},
		{"s3:GetObject", "aws:PrincipalArn", true},
		{"s3:GetObject", "aws:SourceArn", true},
		{"s3:GetObject", "aws:PrincipalTag/team", true},
		{"s3:GetObject", "aws:PrincipalArns", false},
	} {
		require.Equal(t, c.carries, reference.Carries(c.action, c.key), "%s with %s", c.action, c.key)
	}
	for _, key := range []string{"events:source", "events:detail-type", "kms:GrantOperations", "aws:TagKeys", "dynamodb:LeadingKeys", "aws:CalledVia"} {
		require.True(t, reference.Multivalued(key), key)
	}
	for _, key := range []string{"aws:SourceArn", "kms:ViaService", "sts:ExternalId", "aws:PrincipalTag/team"} {
		require.False(t, reference.Multivalued(key), key)
	}
	require.True(t, reference.Resourceless("ecr:GetAuthorizationToken"))
	require.False(t, reference.Resourceless("s3:GetObject"))
	require.False(t, reference.Resourceless("s3:Nothing"))
	require.True(t, reference.FromService("aws:SourceArn"))
	require.Contains(t, reference.Source(), "2026-09-23")
}

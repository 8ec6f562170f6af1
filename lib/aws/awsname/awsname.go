// Package awsname holds what AWS accepts as the name of a resource. How the
// platform's own names look is in package naming.
package awsname

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "An account id has twelve digits.",
		Page:     "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html",
		Enforced: "Account",
	},
	{
		Rule:     "A region is called like us-east-1.",
		Page:     "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html",
		Enforced: "Region",
	},
	{
		Rule:     "The name of an IAM role has 1 to 64 letters, digits and _+=,.@-.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
		Enforced: "Role",
	},
	{
		Rule:     "The name of an IAM policy has 1 to 128 letters, digits and _+=,.@-.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html",
		Enforced: "Policy",
	},
	{
		Rule:     "The name of a session has 2 to 64 letters, digits and _+=,.@-.",
		Page:     "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
		Enforced: "Session",
	},
	{
		Rule:     "An external id has 2 to 1224 letters, digits and _+=,.@:/-, or a backslash.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
		Enforced: "ExternalID",
	},
	{
		Rule:     "The name of a bucket has 3 to 63 small letters, digits, dots and hyphens; it is not an IP address, has no two dots in a row and no reserved prefix or suffix.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
		Enforced: "Bucket, CheckBucket",
	},
	{
		Rule:     "An alias begins with alias/ and has at most 256 letters, digits, slashes, _ and -.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html#KMS-CreateAlias-request-AliasName",
		Enforced: "KeyAlias",
	},
	{
		Rule:     "The name of an event bus has 1 to 256 letters, digits and /.-_; only a partner's has a slash, and none is called default.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html",
		Enforced: "Bus, rehearsal/provider.eventBus",
	},
	{
		Rule:     "The name of a rule has 1 to 64 letters, digits and .-_.",
		Page:     "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html#API_PutRule_RequestParameters",
		Enforced: "EventRule",
	},
	{
		Rule:     "The name of a topic has 1 to 256 letters, digits, _ and -; that of a FIFO topic ends with .fifo.",
		Page:     "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html",
		Enforced: "Topic",
	},
	{
		Rule:     "The name of a queue has 1 to 80 letters, digits, _ and -; that of a FIFO queue ends with .fifo.",
		Page:     "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
		Enforced: "Queue",
	},
	{
		Rule:     "The name of a function has 1 to 64 letters, digits, - and _.",
		Page:     "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html",
		Enforced: "Function",
	},
	{
		Rule:     "The name of a log group has 1 to 512 letters, digits and .-_/#, and does not begin with aws/.",
		Page:     "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
		Enforced: "LogGroup, rehearsal/provider.logsKinds",
	},
	{
		Rule:     "The name of an alarm has 1 to 255 characters.",
		Page:     "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		Enforced: "Alarm",
	},
	{
		Rule:     "The name of a trail has 3 to 128 letters, digits and ._-, begins and ends with a letter or digit, and has no two of the others in a row.",
		Page:     "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html",
		Enforced: "Trail",
	},
	{
		Rule:     "The name of a build project has 2 to 150 letters, digits, - and _, and begins with a letter or digit.",
		Page:     "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html",
		Enforced: "Project",
	},
	{
		Rule:     "The names of pipelines, stages and actions have 1 to 100 letters, digits and .@-_.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
		Enforced: "Pipeline",
	},
	{
		Rule:     "The name of an artifact has 1 to 100 letters, digits, _ and -.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_OutputArtifact.html",
		Enforced: "Artifact",
	},
	{
		Rule:     "The namespace of variables has 1 to 100 letters, digits and @-_.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html",
		Enforced: "Namespace",
	},
	{
		Rule:     "The name of a pipeline's variable has 1 to 128 letters, digits and @-_.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineVariableDeclaration.html",
		Enforced: "Variable",
	},
	{
		Rule:     "The name of a connection has 1 to 32 characters.",
		Page:     "https://docs.aws.amazon.com/codeconnections/latest/APIReference/API_CreateConnection.html",
		Enforced: "Connection",
	},
	{
		Rule:     "The name of a table has 3 to 255 letters, digits and _.-.",
		Page:     "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html",
		Enforced: "Table",
	},
	{
		Rule:     "The name of a parameter has 1 to 1011 letters, digits and _.-/, does not begin with aws or ssm, and has at most 15 levels, of which none is empty.",
		Page:     "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
		Enforced: "Parameter, CheckParameter",
	},
	{
		Rule:     "The name of a secret has 1 to 512 letters, digits and /_+=.@-.",
		Page:     "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
		Enforced: "Secret",
	},
	{
		Rule:     "The name of a repository has 2 to 256 small letters, digits and separators between them.",
		Page:     "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html",
		Enforced: "Repository",
	},
	{
		Rule:     "The name of an HTTP API has 1 to 128 characters.",
		Page:     "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html",
		Enforced: "API",
	},
	{
		Rule:     "The name of a stage is $default, or has 1 to 128 letters, digits, _ and -.",
		Page:     "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html",
		Enforced: "APIStage",
	},
}

// Rule is what a name must be like.
type Rule struct {
	// Pattern covers the name as a whole.
	Pattern string
	// Min and Max bound its length, in characters.
	Min, Max int

	whole *regexp.Regexp
}

func rule(low, high int, pattern string) Rule {
	return Rule{pattern, low, high, regexp.MustCompile("^(?:" + pattern + ")$")}
}

// Allows says whether a name keeps to the rule.
func (r Rule) Allows(name string) bool {
	n := utf8.RuneCountInString(name)
	return n >= r.Min && n <= r.Max && r.whole.MatchString(name)
}

// The rules, by what they name.
var (
	// Account is the rule for an AWS account id.
	Account = rule(12, 12, `[0-9]{12}`)
	// Region is the rule for an AWS region.
	Region = rule(9, 25, `[a-z]{2}(-[a-z]+)+-[0-9]`)
	// Role is the rule for an IAM role, without its path.
	Role = rule(1, 64, `[\w+=,.@-]+`)
	// Policy is the rule for a managed or an inline policy.
	Policy = rule(1, 128, `[\w+=,.@-]+`)
	// Session is the rule for a role's session.
	Session = rule(2, 64, `[\w+=,.@-]+`)
	// ExternalID is the rule for the external id of a role.
	ExternalID = rule(2, 1224, `[\w+=,.@:\\/-]+`)
	// Bucket is the rule for a general purpose bucket; see CheckBucket.
	Bucket = rule(3, 63, `[a-z0-9][a-z0-9.-]*[a-z0-9]`)
	// KeyAlias is the rule for an alias of a KMS key.
	KeyAlias = rule(7, 256, `alias/[a-zA-Z0-9/_-]+`)
	// Bus is the rule for an event bus; only those of partners have a slash.
	Bus = rule(1, 256, `[/.\-_A-Za-z0-9]+`)
	// EventRule is the rule for a rule of EventBridge, or the id of a target.
	EventRule = rule(1, 64, `[.\-_A-Za-z0-9]+`)
	// Topic is the rule for an SNS topic.
	Topic = rule(1, 256, `[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo`)
	// Queue is the rule for an SQS queue.
	Queue = rule(1, 80, `[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo`)
	// Function is the rule for a Lambda function.
	Function = rule(1, 64, `[a-zA-Z0-9-_]+`)
	// LogGroup is the rule for a log group.
	LogGroup = rule(1, 512, `[.\-_/#A-Za-z0-9]+`)
	// Alarm is the rule for a CloudWatch alarm.
	Alarm = rule(1, 255, `.+`)
	// Trail is the rule for a CloudTrail trail.
	Trail = rule(3, 128, `[A-Za-z0-9](?:[A-Za-z0-9]|[._-][A-Za-z0-9])*`)
	// Project is the rule for a CodeBuild project.
	Project = rule(2, 150, `[A-Za-z0-9][A-Za-z0-9\-_]+`)
	// Pipeline is the rule for a pipeline, a stage or an action.
	Pipeline = rule(1, 100, `[A-Za-z0-9.@\-_]+`)
	// Artifact is the rule for an artifact of a pipeline.
	Artifact = rule(1, 100, `[a-zA-Z0-9_\-]+`)
	// Namespace is the rule for the namespace of an action's variables.
	Namespace = rule(1, 100, `[A-Za-z0-9@\-_]+`)
	// Variable is the rule for a variable of a pipeline.
	Variable = rule(1, 128, `[A-Za-z0-9@\-_]+`)
	// Connection is the rule for a source connection.
	Connection = rule(1, 32, `[\s\S]+`)
	// Table is the rule for a DynamoDB table or index.
	Table = rule(3, 255, `[a-zA-Z0-9_.-]+`)
	// Parameter is the rule for an SSM parameter; see CheckParameter.
	Parameter = rule(1, 1011, `[a-zA-Z0-9_.\-/]+`)
	// Secret is the rule for a secret.
	Secret = rule(1, 512, `[A-Za-z0-9/_+=.@-]+`)
	// Repository is the rule for an ECR repository.
	Repository = rule(2, 256, `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`)
	// API is the rule for an HTTP API.
	API = rule(1, 128, `[\s\S]+`)
	// APIStage is the rule for a stage of an HTTP API.
	APIStage = rule(1, 128, `\$default|[A-Za-z0-9_-]+`)
)

var ipAddress = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$`)

// IsIPAddress says whether a name looks like an IP address, which buckets and
// trails may not.
func IsIPAddress(name string) bool { return ipAddress.MatchString(name) }

// What no bucket's name may begin and end with.
var (
	bucketPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	bucketSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// CheckBucket refuses names that keep to Bucket and that S3 does not accept.
func CheckBucket(name string) error {
	if strings.Contains(name, "..") || IsIPAddress(name) {
		return fmt.Errorf("%q has two dots in a row or is an IP address, which S3 refuses", name)
	}
	for _, p := range bucketPrefixes {
		if strings.HasPrefix(name, p) {
			return fmt.Errorf("%q begins with %s, which S3 reserves", name, p)
		}
	}
	for _, s := range bucketSuffixes {
		if strings.HasSuffix(name, s) {
			return fmt.Errorf("%q ends with %s, which S3 reserves", name, s)
		}
	}
	return nil
}

// maxLevels is how many levels the path of a parameter may have.
const maxLevels = 15

// CheckParameter refuses names that keep to Parameter and that Systems Manager
// does not accept.
func CheckParameter(name string) error {
	plain := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case strings.HasPrefix(plain, "aws"), strings.HasPrefix(plain, "ssm"):
		return fmt.Errorf("%q begins with aws or ssm, which Systems Manager reserves", name)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return fmt.Errorf("%q is a path and must begin with /", name)
	case strings.HasSuffix(name, "/"), strings.Contains(name, "//"):
		return fmt.Errorf("%q has an empty level", name)
	case strings.Count(name, "/") > maxLevels:
		return fmt.Errorf("%q has more than %d levels", name, maxLevels)
	}
	return nil
}

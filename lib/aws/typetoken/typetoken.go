// Package typetoken holds the type tokens under which the Pulumi providers know
// resources: what a state, a plan and a resource table call them. The V2 of the
// buckets' tokens is that of pulumi-aws 6.
//
// See https://www.pulumi.com/docs/iac/concepts/resources/names/#types and, for
// each token, its page in https://www.pulumi.com/registry/packages/aws/api-docs/.
package typetoken

// Resources of Amazon S3.
const (
	Bucket                  = "aws:s3/bucketV2:BucketV2"
	BucketPolicy            = "aws:s3/bucketPolicy:BucketPolicy"
	BucketVersioning        = "aws:s3/bucketVersioningV2:BucketVersioningV2"
	BucketEncryption        = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	BucketPublicAccessBlock = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	BucketOwnershipControls = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
	BucketLifecycle         = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	BucketNotification      = "aws:s3/bucketNotification:BucketNotification"
	Object                  = "aws:s3/bucketObjectv2:BucketObjectv2"
)

// Resources of AWS KMS.
const (
	Key       = "aws:kms/key:Key"
	KeyPolicy = "aws:kms/keyPolicy:KeyPolicy"
	KeyAlias  = "aws:kms/alias:Alias"
)

// Resources of AWS IAM.
const (
	Role                 = "aws:iam/role:Role"
	RolePolicy           = "aws:iam/rolePolicy:RolePolicy"
	Policy               = "aws:iam/policy:Policy"
	RolePolicyAttachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
)

// Resources of Amazon SNS.
const (
	Topic             = "aws:sns/topic:Topic"
	TopicPolicy       = "aws:sns/topicPolicy:TopicPolicy"
	TopicSubscription = "aws:sns/topicSubscription:TopicSubscription"
)

// Resources of Amazon SQS.
const (
	Queue       = "aws:sqs/queue:Queue"
	QueuePolicy = "aws:sqs/queuePolicy:QueuePolicy"
)

// Resources of Amazon EventBridge and CloudWatch.
const (
	EventBus       = "aws:cloudwatch/eventBus:EventBus"
	EventBusPolicy = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
	EventRule      = "aws:cloudwatch/eventRule:EventRule"
	EventTarget    = "aws:cloudwatch/eventTarget:EventTarget"
	LogGroup       = "aws:cloudwatch/logGroup:LogGroup"
	MetricAlarm    = "aws:cloudwatch/metricAlarm:MetricAlarm"
)

// Resources of AWS CloudTrail.
const (
	Trail = "aws:cloudtrail/trail:Trail"
)

// Resources of AWS CodeBuild, CodePipeline and CodeConnections.
const (
	Project    = "aws:codebuild/project:Project"
	Pipeline   = "aws:codepipeline/pipeline:Pipeline"
	Connection = "aws:codeconnections/connection:Connection"
)

// Resources of AWS Lambda.
const (
	Function   = "aws:lambda/function:Function"
	Permission = "aws:lambda/permission:Permission"
)

// Resources of Amazon API Gateway.
const (
	API            = "aws:apigatewayv2/api:Api"
	APIIntegration = "aws:apigatewayv2/integration:Integration"
	APIRoute       = "aws:apigatewayv2/route:Route"
	APIStage       = "aws:apigatewayv2/stage:Stage"
)

// Resources of Amazon ECR.
const (
	Repository          = "aws:ecr/repository:Repository"
	RepositoryPolicy    = "aws:ecr/repositoryPolicy:RepositoryPolicy"
	RepositoryLifecycle = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	// Image is not deployed but pushed.
	Image = "aws:ecr/image:Image"
)

// Resources of Amazon DynamoDB.
const (
	Table = "aws:dynamodb/table:Table"
)

// Resources of AWS Secrets Manager.
const (
	Secret        = "aws:secretsmanager/secret:Secret"
	SecretVersion = "aws:secretsmanager/secretVersion:SecretVersion"
)

// Resources of AWS Systems Manager.
const (
	Parameter = "aws:ssm/parameter:Parameter"
)

// Resources of random.
const (
	RandomPassword = "random:index/randomPassword:RandomPassword"
)

// Resources of GitHub.
const (
	// GitHubRepository is not deployed: it is in the resource table so that the
	// settings deployed on it are held to its plan.
	GitHubRepository       = "github:index/repository:Repository"
	GitHubWebhook          = "github:index/repositoryWebhook:RepositoryWebhook"
	GitHubEnvironment      = "github:index/repositoryEnvironment:RepositoryEnvironment"
	GitHubVariable         = "github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable"
	GitHubSecret           = "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret"
	GitHubBranchProtection = "github:index/branchProtection:BranchProtection"
)

package naming

import "delivery.internal/lib/aws/arns"

// Scope is an AWS account in a region: the part of an ARN that is not a name.
// Its methods build the ARNs of resources from their names, so that policies
// can refer to resources that do not exist yet.
type Scope struct {
	// Account is the twelve-digit account id.
	Account string
	// Region is the AWS region, for example us-east-1.
	Region string
}

func (s Scope) regional(service, resource string) string {
	return arns.Regional(service, s.Region, s.Account, resource)
}

// Root returns the ARN that stands for the whole account as a principal.
func (s Scope) Root() string { return arns.Root(s.Account) }

// Role returns the ARN of an IAM role with the default path.
func (s Scope) Role(name string) string { return arns.Role(s.Account, name) }

// Policy returns the ARN of a customer-managed IAM policy with the default path.
func (s Scope) Policy(name string) string { return arns.Policy(s.Account, name) }

// Bucket returns the ARN of an S3 bucket.
func (s Scope) Bucket(name string) string { return arns.Bucket(name) }

// Pipeline returns the ARN of a CodePipeline pipeline.
func (s Scope) Pipeline(name string) string { return s.regional("codepipeline", name) }

// Project returns the ARN of a CodeBuild project.
func (s Scope) Project(name string) string { return s.regional("codebuild", "project/"+name) }

// LogGroup returns the ARN of a CloudWatch log group, without the trailing ":*".
func (s Scope) LogGroup(name string) string { return s.regional("logs", "log-group:"+name) }

// Function returns the ARN of a Lambda function.
func (s Scope) Function(name string) string { return s.regional("lambda", "function:"+name) }

// Rule returns the ARN of a rule on the default event bus.
func (s Scope) Rule(name string) string { return s.regional("events", "rule/"+name) }

// BusRule returns the ARN of a rule on a custom event bus.
func (s Scope) BusRule(bus, name string) string { return s.regional("events", "rule/"+bus+"/"+name) }

// Bus returns the ARN of an event bus.
func (s Scope) Bus(name string) string { return s.regional("events", "event-bus/"+name) }

// Topic returns the ARN of an SNS topic.
func (s Scope) Topic(name string) string { return s.regional("sns", name) }

// Queue returns the ARN of an SQS queue.
func (s Scope) Queue(name string) string { return s.regional("sqs", name) }

// Alarm returns the ARN of a CloudWatch alarm.
func (s Scope) Alarm(name string) string { return s.regional("cloudwatch", "alarm:"+name) }

// Table returns the ARN of a DynamoDB table.
func (s Scope) Table(name string) string { return s.regional("dynamodb", "table/"+name) }

// Parameter returns the ARN of an SSM parameter whose name has no leading slash.
func (s Scope) Parameter(name string) string { return s.regional("ssm", "parameter/"+name) }

// Repository returns the ARN of an ECR repository.
func (s Scope) Repository(name string) string { return s.regional("ecr", "repository/"+name) }

// Trail returns the ARN of a CloudTrail trail.
func (s Scope) Trail(name string) string { return s.regional("cloudtrail", "trail/"+name) }

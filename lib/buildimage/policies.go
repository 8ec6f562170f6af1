package buildimage

import (
	"delivery.internal/lib/compute"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// projectPolicy is all that the build of the image may do: read its source,
// push to its repository, write its log.
func projectPolicy(a *ProjectArgs) (string, error) {
	repository := a.Scope.Repository(a.Names.Of(naming.ImageRepository))
	source := a.Scope.Bucket(a.Names.Of(naming.ImageSourceBucket))
	return iampolicy.New(
		iampolicy.Allow("logs:CreateLogStream", "logs:PutLogEvents").Named("Logs").
			On(a.Scope.LogGroup(a.Names.Of(naming.ImageLogs))+":*"),
		// CodeBuild looks whose bucket it is: S3BucketIdentity in its minimum,
		// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
		iampolicy.Allow("s3:GetBucketAcl", "s3:GetBucketLocation").Named("SourceBucket").On(source),
		iampolicy.Allow("s3:GetObject", "s3:GetObjectVersion").Named("Source").On(source+"/"+a.key()),
		iampolicy.Allow("kms:Decrypt").Named("SourceKey").On(a.KeyARN).
			When(iampolicy.StringEquals("kms:ViaService", "s3."+a.Scope.Region+".amazonaws.com")),
		iampolicy.Allow("ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart",
			"ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchGetImage", "ecr:DescribeImages").
			Named("Push").On(repository),
		iampolicy.Allow("ecr:GetAuthorizationToken").Named("Login").
			AnyResource("AWS defines no resource for GetAuthorizationToken"),
	).JSON()
}

// gatePolicy is all that the scan gate may do.
func gatePolicy(a *GateArgs) (string, error) {
	return iampolicy.New(
		compute.Logging(a.Scope.LogGroup(a.Names.Of(naming.ScanGateLogs))),
		iampolicy.Allow("ecr:DescribeImageScanFindings", "ecr:DescribeImages").Named("Findings").
			On(a.Scope.Repository(a.Names.Of(naming.ImageRepository))),
		// ECR asks for them on behalf of who reads findings of enhanced scanning:
		// docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
		iampolicy.Allow("inspector2:ListCoverage", "inspector2:ListFindings").Named("EnhancedFindings").
			AnyResource("AWS defines no resource for Inspector's lists"),
		iampolicy.Allow("ssm:GetParameter").Named("Accepted").
			On(a.Scope.Parameter(a.Names.Of(naming.AcceptedFindings))),
		iampolicy.Allow("ssm:PutParameter").Named("Approve").
			On(a.Scope.Parameter(a.Names.Of(naming.ApprovedImage)), a.Scope.Parameter(a.Names.Of(naming.ImageVerdict))),
		iampolicy.Allow("sqs:SendMessage").Named("DeadLetters").
			On(a.Scope.Queue(a.Names.Of(naming.ScanGateDeadLetter))),
	).JSON()
}

package pipeline

import (
	"delivery.internal/lib/iampolicy"
)

// policy is what the actions of the blueprint need, and no more.
func policy(a *Args) (string, error) {
	var projects []string
	for _, name := range a.Blueprint.values(BuildType, KeyProject) {
		projects = append(projects, a.Scope.Project(name))
	}
	bucket := a.Scope.Bucket(a.Bucket)
	statements := []iampolicy.Statement{
		// The bucket's and the objects' actions are those that AWS lists as the
		// minimum for a service role, without the tags, which S3 deploy actions
		// use; repost.aws/knowledge-center/codepipeline-access-denied-errors.
		iampolicy.Allow("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning").Named("ArtifactBucket").On(bucket),
		iampolicy.Allow("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectAcl").Named("Artifacts").On(bucket + "/*"),
		iampolicy.Allow("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey").Named("ArtifactKey").On(a.KeyARN),
		iampolicy.Allow("codeconnections:UseConnection").Named("Source").On(a.Blueprint.values(SourceType, KeyConnection)...),
		iampolicy.Allow("codebuild:BatchGetBuilds", "codebuild:StartBuild").Named("Builds").On(projects...),
	}
	if topics := a.Blueprint.values(ApprovalType, KeyTopic); len(topics) > 0 {
		statements = append(statements,
			iampolicy.Allow("sns:Publish").Named("Approvals").On(topics...),
			iampolicy.Allow("kms:Decrypt", "kms:GenerateDataKey").Named("ApprovalKey").On(a.TopicKeyARN).
				When(iampolicy.StringEquals("kms:ViaService", "sns."+a.Scope.Region+".amazonaws.com")))
	}
	return iampolicy.New(statements...).JSON()
}

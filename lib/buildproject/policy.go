package buildproject

import (
	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/storage"
)

// policy is what the deployer's command of the step calls, and what CodeBuild
// itself does in the role's name.
func (a *Args) policy() (string, error) {
	statements := []iampolicy.Statement{
		iampolicy.Allow("logs:CreateLogStream", "logs:PutLogEvents").Named("Logs").
			On(a.Scope.LogGroup(a.Names.Of(a.Step.Kinds.Logs)) + ":*"),
		// CodeBuild looks whose bucket it is: S3BucketIdentity in its minimum,
		// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
		iampolicy.Allow("s3:GetBucketAcl", "s3:GetBucketLocation").Named("ArtifactBucket").On(a.Scope.Bucket(a.ArtifactBucket)),
		iampolicy.Allow("s3:GetObject", "s3:GetObjectVersion").Named("ReadArtifacts").On(a.artifacts("*")),
		// Artifacts, state and secrets have the same key. AWS documents no
		// condition that CodeBuild's own use of the artifacts meets.
		iampolicy.Allow("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey").Named("Key").On(a.KeyARN),
		// A new stack's data key is encrypted for this environment only; see
		// deploy.Settings.SecretsProvider.
		iampolicy.Allow("kms:Encrypt").Named("Secrets").On(a.KeyARN).
			When(iampolicy.StringEquals("kms:EncryptionContext:environment", a.environment())),
		// Without a condition on the prefix: for a missing object S3 looks for
		// this right without one, and would else answer that access is denied.
		iampolicy.Allow("s3:ListBucket").Named("ListState").On(a.Scope.Bucket(a.StateBucket)),
		iampolicy.Allow("s3:GetObject").Named("ReadState").On(a.state("meta.yaml"), a.state("stacks/*"), a.state("locks/*")),
		iampolicy.Allow("sts:AssumeRole").Named("TargetAccount").On(a.TargetRoleARN),
	}
	if a.Requires != "" {
		statements = append(statements,
			iampolicy.Allow("s3:GetObject").Named("Promotion").On(a.ledger(string(a.Requires))),
			// Without it a commit that was never deployed could not be told
			// from a record that must not be read.
			iampolicy.Allow("s3:ListBucket").Named("ListLedger").On(a.Scope.Bucket(a.LedgerBucket)))
	}
	statements = append(statements, a.Step.statements(a)...)
	return iampolicy.New(append(statements, a.ledgerKey()...)...).JSON()
}

// previewStatements are the bundle, and the making of a stack that does not
// exist: the CLI locks it and writes an empty state. A preview itself writes
// nothing, so history and backups stay out of reach. What the CLI asks of the
// bucket was measured with v3.255.0, command by command. The source is out of
// reach as well: Deploy reads it again, after the approval.
func (a *Args) previewStatements() []iampolicy.Statement {
	return []iampolicy.Statement{
		iampolicy.Allow("s3:PutObject").Named("WriteBundle").
			On(a.artifacts(storage.ArtifactPrefix(a.Names.Of(naming.Pipeline), contract.BundleArtifact) + "*")),
		iampolicy.Allow("s3:PutObject").Named("MakeStacks").On(a.state("meta.yaml"), a.state("stacks/*"), a.state("locks/*")),
		iampolicy.Allow("s3:DeleteObject").Named("Unlock").On(a.state("locks/*")),
	}
}

// deployStatements are the state with its locks, history and backups, and the
// record of the deployment in the ledger and on the bus. Removing a stack
// looks at each record of its history and each backup before deleting it. The
// newest record also tells who wrote a state that has moved.
func (a *Args) deployStatements() []iampolicy.Statement {
	return []iampolicy.Statement{
		iampolicy.Allow("s3:AbortMultipartUpload", "s3:PutObject").Named("WriteState").
			On(a.state("stacks/*"), a.state("locks/*"), a.state("history/*"), a.state("backups/*")),
		iampolicy.Allow("s3:GetObject").Named("ReadHistory").On(a.state("history/*"), a.state("backups/*")),
		iampolicy.Allow("s3:DeleteObject").Named("RemoveState").On(a.state("stacks/*"), a.state("locks/*"), a.state("history/*"), a.state("backups/*")),
		iampolicy.Allow("s3:PutObject").Named("Record").On(a.ledger(a.environment())),
		eventing.Publisher{Source: contract.DeploymentSource(a.environment()), DetailType: contract.DeploymentDetailType}.
			Allow(a.Scope.Bus(a.Bus)).Named("PublishDeployment"),
	}
}

// ledgerKey is the use of the platform key that reading and writing the ledger
// comes with.
func (a *Args) ledgerKey() []iampolicy.Statement {
	var actions []string
	if a.Requires != "" {
		actions = append(actions, "kms:Decrypt")
	}
	if a.Step.Records {
		actions = append(actions, "kms:GenerateDataKey")
	}
	if len(actions) == 0 {
		return nil
	}
	return []iampolicy.Statement{iampolicy.Allow(actions...).Named("LedgerKey").On(a.LedgerKeyARN).
		When(iampolicy.StringEquals("kms:ViaService", "s3."+a.Scope.Region+".amazonaws.com"))}
}

func (a *Args) environment() string { return string(a.Names.Environment()) }

func (a *Args) artifacts(key string) string { return a.Scope.Bucket(a.ArtifactBucket) + "/" + key }

// state is everything under a folder of Pulumi's in the state bucket.
func (a *Args) state(key string) string { return a.Scope.Bucket(a.StateBucket) + "/.pulumi/" + key }

func (a *Args) ledger(environment string) string {
	return a.Scope.Bucket(a.LedgerBucket) + "/" + contract.LedgerPrefix(environment) + "*"
}

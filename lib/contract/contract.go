// Package contract is the vocabulary that the pipeline, the build and the
// functions share: environment variables, pipeline variables and events. It
// has no dependencies, so that the small binaries stay small.
package contract

// Environment variables that a CodeBuild project or action gives the deployer.
// All are plain text; none is secret.
const (
	EnvEnvironment  = "DELIVERY_ENVIRONMENT"   // dev, staging or prod
	EnvPipeline     = "DELIVERY_PIPELINE"      // name of the pipeline
	EnvRegion       = "DELIVERY_REGION"        // AWS region of everything
	EnvAccount      = "DELIVERY_ACCOUNT"       // target account id, passed to aws:allowedAccountIds
	EnvStateBucket  = "DELIVERY_STATE_BUCKET"  // bucket of the environment's workload state
	EnvSecretsKey   = "DELIVERY_SECRETS_KEY"   // ARN of the KMS key of the workload's secrets
	EnvRole         = "DELIVERY_ROLE"          // ARN of the role to assume in the target account
	EnvExternalID   = "DELIVERY_EXTERNAL_ID"   // external id that the role's trust demands
	EnvLedgerBucket = "DELIVERY_LEDGER_BUCKET" // bucket of the ledger
	EnvBus          = "DELIVERY_BUS"           // name of the delivery event bus
	EnvRequires     = "DELIVERY_REQUIRES"      // environment that must have deployed the commit first, or empty

	EnvCommit       = "DELIVERY_COMMIT"        // commit that the push named (pipeline variable)
	EnvSourceCommit = "DELIVERY_SOURCE_COMMIT" // commit that the source action fetched
	EnvExecution    = "DELIVERY_EXECUTION"     // pipeline execution id
	EnvDelivery     = "DELIVERY_ID"            // GitHub delivery id
	EnvPusher       = "DELIVERY_PUSHER"        // GitHub login of the pusher
)

// Pipeline variables. CodePipeline refuses an empty value, so Unset stands for
// "not started by a delivery", for instance by the creation of the pipeline.
const (
	VarCommit   = "COMMIT"
	VarDelivery = "DELIVERY"
	VarPusher   = "PUSHER"
	Unset       = "none"
)

// Variables that the preview build exports to the pipeline (namespace
// PreviewNamespace), each at most 200 characters, for the approval message.
const (
	SourceNamespace  = "SourceVariables"
	PreviewNamespace = "Preview"
	ExportSummary    = "DELIVERY_SUMMARY" // for instance "2 stacks: 3 to create, 1 to update"
	ExportDigest     = "DELIVERY_DIGEST"  // SHA-256 of the bundle, hexadecimal
)

// Names inside the pipeline.
const (
	SourceAction   = "Source"
	SourceArtifact = "Source"
	BundleArtifact = "Bundle"
)

// WebhookSecretVersion is the key of the project shared that counts the
// rotations of the webhook secret: the platform's command raises it, and the
// program makes a new secret of every value.
const WebhookSecretVersion = "webhookSecretVersion"

// EventBridge sources and detail types on the delivery bus.
const (
	PushSource           = "delivery.receiver"
	PushDetailType       = "push"
	DeploymentDetailType = "deployment"
)

// Causes of an execution: what its start goes back to. They are part of the
// token with which it is started.
const (
	CausePush      = "push"      // a push to the delivered branch
	CausePromotion = "promotion" // a successful deployment to the environment before
)

// DeploymentSource returns the event source of an environment's deployer. One
// source per environment lets IAM (condition key events:source) keep one
// environment's build from speaking for another.
func DeploymentSource(environment string) string { return "delivery.deployer." + environment }

// Push is the detail of a push event: what the pipelines need to know of a
// webhook delivery, and no more.
type Push struct {
	Delivery   string   `json:"delivery"`   // GitHub delivery id
	Repository string   `json:"repository"` // owner/name
	Ref        string   `json:"ref"`        // refs/heads/main
	Branch     string   `json:"branch"`     // main
	Before     string   `json:"before"`     // commit before the push
	Commit     string   `json:"commit"`     // commit after the push, 40 hexadecimal digits
	Pusher     string   `json:"pusher"`     // GitHub login
	Paths      []string `json:"paths"`      // changed paths, sorted; cut to 200
	MorePaths  bool     `json:"morePaths"`  // whether Paths was cut
}

// Deployment is the detail of a deployment event, and the ledger's record of it.
type Deployment struct {
	Environment string `json:"environment"`
	Outcome     string `json:"outcome"` // Succeeded or Failed, below
	Commit      string `json:"commit"`
	Execution   string `json:"execution"`
	Pipeline    string `json:"pipeline"`
	Delivery    string `json:"delivery"`
	Pusher      string `json:"pusher"`
	Digest      string `json:"digest"` // of the bundle that was deployed
	Summary     string `json:"summary"`
	Time        string `json:"time"` // RFC 3339, UTC
}

// Values of Deployment.Outcome.
const (
	Succeeded = "succeeded"
	Failed    = "failed"
)

// LedgerKey is the object that records the newest deployment of a commit to an
// environment.
func LedgerKey(environment, commit string) string {
	return "deployments/" + environment + "/" + commit + ".json"
}

// LedgerPrefix is the part of the ledger that belongs to an environment.
func LedgerPrefix(environment string) string { return "deployments/" + environment + "/" }

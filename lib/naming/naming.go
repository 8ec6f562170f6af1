// Package naming is the one home of every physical name that the platform
// gives to a cloud resource.
//
// A name is resource-type-environment-suffix, for example
// "deploy-role-prod-a1b2" (requirement S15). Components receive a Namer and a
// Kind and never build a name by hand. Because the names are known before any
// resource exists, policies can name their principals and resources exactly,
// without wildcards and without cycles between stacks.
//
// A change of a name replaces the resource: testdata/names.golden pins them.
package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/aws/awsname"
)

// Environment is the third part of a name. Which environments an installation
// has is a setting; see lib/promotion.
type Environment string

// Shared stands for everything that belongs to the delivery platform and not
// to one environment. The others are what an installation calls its
// environments by default.
const (
	Dev     Environment = "dev"
	Staging Environment = "staging"
	Prod    Environment = "prod"
	Shared  Environment = "shared"
)

var environmentPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$`)

// maxEnvironment leaves room in the shortest name, that of a connection, for a
// letter of its kind, the mark of a shortened name and the longest suffix.
var maxEnvironment = awsname.Connection.Max - len("c-ffffff-") - len("-") - maxSuffix

// reserved are the projects that are not an environment's, and what would make
// AWS_PROFILE an environment's variable.
var reserved = []string{string(Shared), "bootstrap", "targets", "aws"}

// EnvironmentRule says what the name of an environment may be.
var EnvironmentRule = fmt.Sprintf("2 to %d lower-case letters, digits and single hyphens, beginning with a letter, and not %s",
	maxEnvironment, strings.Join(reserved, ", "))

// ValidEnvironment says whether s can be the name of an environment. The error
// is a full sentence.
func ValidEnvironment(s string) error {
	if len(s) >= 2 && len(s) <= maxEnvironment && environmentPattern.MatchString(s) && !slices.Contains(reserved, s) {
		return nil
	}
	return fmt.Errorf("environment %q can't be a part of names: expected %s", s, EnvironmentRule)
}

// List names environments in a sentence, separated by commas.
func List(environments []Environment) string {
	var names []string
	for _, env := range environments {
		names = append(names, string(env))
	}
	return strings.Join(names, ", ")
}

// Kind is a type of named resource: its prefix and AWS's limit on the length
// of the whole name, in characters.
type Kind struct {
	// Prefix is the resource-type part of the name, for example "deploy-role".
	Prefix string
	// Max is the longest name that the service accepts.
	Max int
}

// maxGitHubEnv is the longest name of an environment at GitHub, in characters.
const maxGitHubEnv = 255

// The kinds of the platform, by the project that owns them.
var (
	// bootstrap
	KeyAlias    = Kind{"alias/delivery-key", awsname.KeyAlias.Max}
	StateBucket = Kind{"state-bucket", awsname.Bucket.Max}

	// targets
	PreviewRole         = Kind{"preview-role", awsname.Role.Max}
	PreviewPolicy       = Kind{"preview-policy", awsname.Policy.Max}
	DeployRole          = Kind{"deploy-role", awsname.Role.Max}
	DeployPolicy        = Kind{"deploy-policy", awsname.Policy.Max}
	PermissionsBoundary = Kind{"permission-boundary", awsname.Policy.Max}
	ExternalID          = Kind{"external-id", awsname.ExternalID.Max}
	WorkloadQueue       = Kind{"orders-queue", awsname.Queue.Max}
	WorkloadDeadQueue   = Kind{"orders-dead-letter-queue", awsname.Queue.Max}
	WorkloadTopic       = Kind{"alerts-topic", awsname.Topic.Max}
	WorkloadParameter   = Kind{"alerts-topic-parameter", awsname.Parameter.Max}

	// shared
	ImageRepository    = Kind{"build-image", awsname.Repository.Max}
	ImageProject       = Kind{"image-build-project", awsname.Project.Max}
	ImageRole          = Kind{"image-build-role", awsname.Role.Max}
	ImagePolicy        = Kind{"image-build-policy", awsname.Policy.Max}
	ImageLogs          = Kind{"image-build-logs", awsname.LogGroup.Max}
	ImageSourceBucket  = Kind{"image-source-bucket", awsname.Bucket.Max}
	ApprovedImage      = Kind{"approved-image", awsname.Parameter.Max}
	ImageVerdict       = Kind{"image-verdict", awsname.Parameter.Max}
	AcceptedFindings   = Kind{"accepted-findings", awsname.Parameter.Max}
	ScanGateFunction   = Kind{"scan-gate", awsname.Function.Max}
	ScanGateRole       = Kind{"scan-gate-role", awsname.Role.Max}
	ScanGatePolicy     = Kind{"scan-gate-policy", awsname.Policy.Max}
	ScanGateLogs       = Kind{"scan-gate-logs", awsname.LogGroup.Max}
	ScanGateRule       = Kind{"scan-gate-rule", awsname.EventRule.Max}
	ScanGateDeadLetter = Kind{"scan-gate-dead-letter", awsname.Queue.Max}
	ScanGateAlarm      = Kind{"scan-gate-dead-letter-alarm", awsname.Alarm.Max}
	StarterFunction    = Kind{"starter", awsname.Function.Max}
	StarterRole        = Kind{"starter-role", awsname.Role.Max}
	StarterPolicy      = Kind{"starter-policy", awsname.Policy.Max}
	StarterLogs        = Kind{"starter-logs", awsname.LogGroup.Max}
	StarterDeadLetter  = Kind{"starter-dead-letter", awsname.Queue.Max}
	StarterAlarm       = Kind{"starter-dead-letter-alarm", awsname.Alarm.Max}
	DeliveryBus        = Kind{"delivery-bus", awsname.Bus.Max}
	WebhookAPI         = Kind{"webhook-api", awsname.API.Max}
	WebhookAPILogs     = Kind{"webhook-api-logs", awsname.LogGroup.Max}
	WebhookSecret      = Kind{"webhook-secret", awsname.Secret.Max}
	ReceiverFunction   = Kind{"receiver", awsname.Function.Max}
	ReceiverRole       = Kind{"receiver-role", awsname.Role.Max}
	ReceiverPolicy     = Kind{"receiver-policy", awsname.Policy.Max}
	ReceiverLogs       = Kind{"receiver-logs", awsname.LogGroup.Max}
	DeliveriesTable    = Kind{"deliveries", awsname.Table.Max}
	SourceConnection   = Kind{"source", awsname.Connection.Max}
	PipelineTopic      = Kind{"pipeline-topic", awsname.Topic.Max}
	ApprovalTopic      = Kind{"approval-topic", awsname.Topic.Max}
	LedgerBucket       = Kind{"ledger-bucket", awsname.Bucket.Max}
	AuditTrail         = Kind{"audit-trail", awsname.Trail.Max}
	AuditBucket        = Kind{"audit-bucket", awsname.Bucket.Max}

	// shared, in GitHub: an environment of the customer's repository
	RepositoryEnvironment = Kind{"environment", maxGitHubEnv}

	// environments
	ArtifactBucket  = Kind{"artifact-bucket", awsname.Bucket.Max}
	Pipeline        = Kind{"pipeline", awsname.Pipeline.Max}
	PipelineRole    = Kind{"pipeline-role", awsname.Role.Max}
	PipelinePolicy  = Kind{"pipeline-policy", awsname.Policy.Max}
	PreviewBuild    = buildOf("preview")
	DeployBuild     = buildOf("deploy")
	StartRule       = Kind{"start-rule", awsname.EventRule.Max}
	StartDeadLetter = Kind{"start-dead-letter", awsname.Queue.Max}
	StartAlarm      = Kind{"start-dead-letter-alarm", awsname.Alarm.Max}
	StateRule       = Kind{"state-rule", awsname.EventRule.Max}
)

// Kinds lists every kind, for tests that walk all names.
func Kinds() []Kind {
	return []Kind{
		KeyAlias, StateBucket,
		PreviewRole, PreviewPolicy, DeployRole, DeployPolicy, PermissionsBoundary, ExternalID,
		WorkloadQueue, WorkloadDeadQueue, WorkloadTopic, WorkloadParameter,
		ImageRepository, ImageProject, ImageRole, ImagePolicy, ImageLogs, ImageSourceBucket, ApprovedImage, ImageVerdict, AcceptedFindings,
		ScanGateFunction, ScanGateRole, ScanGatePolicy, ScanGateLogs, ScanGateRule, ScanGateDeadLetter, ScanGateAlarm,
		StarterFunction, StarterRole, StarterPolicy, StarterLogs, StarterDeadLetter, StarterAlarm,
		DeliveryBus, WebhookAPI, WebhookAPILogs, WebhookSecret,
		ReceiverFunction, ReceiverRole, ReceiverPolicy, ReceiverLogs, DeliveriesTable,
		SourceConnection, PipelineTopic, ApprovalTopic, LedgerBucket, AuditTrail, AuditBucket,
		RepositoryEnvironment,
		ArtifactBucket, Pipeline, PipelineRole, PipelinePolicy,
		PreviewBuild.Project, PreviewBuild.Role, PreviewBuild.Policy, PreviewBuild.Logs,
		DeployBuild.Project, DeployBuild.Role, DeployBuild.Policy, DeployBuild.Logs,
		StartRule, StartDeadLetter, StartAlarm, StateRule,
	}
}

// Build holds the kinds of one build of an environment. Which builds there are
// is data of lib/buildproject.
type Build struct {
	// Project is the CodeBuild project, Role and Policy are what it runs as,
	// and Logs is its log group.
	Project, Role, Policy, Logs Kind
}

// buildOf returns the kinds of the build that runs a command of the deployer.
func buildOf(verb string) Build {
	return Build{
		Project: Kind{verb + "-project", awsname.Project.Max}, Role: Kind{verb + "-build-role", awsname.Role.Max},
		Policy: Kind{verb + "-build-policy", awsname.Policy.Max}, Logs: Kind{verb + "-logs", awsname.LogGroup.Max},
	}
}

// Buckets returns the names of all buckets of an installation with the given
// environments. Bucket names are unique among all accounts of AWS, so whoever
// makes one must look at them all.
func Buckets(suffix string, environments ...Environment) []string {
	shared := New(Shared, suffix)
	all := []string{shared.Of(StateBucket), shared.Of(ImageSourceBucket), shared.Of(LedgerBucket), shared.Of(AuditBucket)}
	for _, env := range environments {
		all = append(all, shared.In(env).Of(StateBucket), shared.In(env).Of(ArtifactBucket))
	}
	return all
}

// suffixPattern keeps every name valid in the strictest services (S3 and ECR:
// lower case) and inside the shortest limit (a connection name, 32).
var suffixPattern = regexp.MustCompile(`^[a-z][a-z0-9]{1,11}$`)

const maxSuffix = 12

// ValidSuffix says whether s can be an environment suffix: 2 to 12 lower-case
// letters and digits, beginning with a letter. The error is a full sentence.
func ValidSuffix(s string) error {
	if suffixPattern.MatchString(s) {
		return nil
	}
	return fmt.Errorf("environment suffix %q is not usable in AWS names: expected 2 to 12 lower-case letters and digits, beginning with a letter; make configure offers one", s)
}

// Namer builds the names of one environment of one installation.
type Namer struct {
	env    Environment
	suffix string
}

// New returns the Namer of an environment. The suffix must satisfy ValidSuffix.
func New(env Environment, suffix string) Namer { return Namer{env: env, suffix: suffix} }

// Environment returns the environment that the names carry.
func (n Namer) Environment() Environment { return n.env }

// Suffix returns the environment suffix that the names carry.
func (n Namer) Suffix() string { return n.suffix }

// In returns the Namer of another environment of the same installation.
func (n Namer) In(env Environment) Namer { return Namer{env: env, suffix: n.suffix} }

// Of returns the physical name of a kind. Where the service's limit forces it,
// the resource-type part is cut and marked with six hexadecimal digits of the
// SHA-256 of the full name, so that the shortening is stable and unambiguous.
func (n Namer) Of(k Kind) string {
	tail := "-" + string(n.env) + "-" + n.suffix
	full := k.Prefix + tail
	if len(full) <= k.Max {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	mark := "-" + hex.EncodeToString(sum[:])[:6]
	keep := max(k.Max-len(tail)-len(mark), 0)
	return strings.TrimRight(k.Prefix[:keep], "-") + mark + tail
}

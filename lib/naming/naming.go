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
const maxEnvironment = maxConnection - len("c-ffffff-") - len("-") - maxSuffix

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

// Kind is a type of named resource: its prefix and AWS's limit on the length
// of the whole name, in characters.
type Kind struct {
	// Prefix is the resource-type part of the name, for example "deploy-role".
	Prefix string
	// Max is the longest name that the service accepts.
	Max int
}

// Service limits, in characters. Sources: the API models of the services
// (CreateRole, CreatePolicy, CreateBucket, CreatePipeline, CreateProject,
// PutRule, CreateFunction, CreateConnection, CreateLogGroup, CreateAlias,
// CreateTopic, CreateQueue, CreateTable, PutParameter, CreateSecret,
// CreateRepository, CreateApi, CreateTrail, PutMetricAlarm).
const (
	maxRole       = 64
	maxPolicy     = 128
	maxBucket     = 63
	maxPipeline   = 100
	maxProject    = 150
	maxRule       = 64
	maxBus        = 256
	maxFunction   = 64
	maxConnection = 32
	maxLogGroup   = 512
	maxAlias      = 256
	maxTopic      = 256
	maxQueue      = 80
	maxTable      = 255
	maxParameter  = 1011
	maxSecret     = 512
	maxRepository = 256
	maxAPI        = 128
	maxTrail      = 128
	maxExternalID = 1224
	maxGitHubEnv  = 255
	maxAlarm      = 255
)

// The kinds of the platform, by the project that owns them.
var (
	// bootstrap
	KeyAlias    = Kind{"alias/delivery-key", maxAlias}
	StateBucket = Kind{"state-bucket", maxBucket}

	// targets
	PreviewRole       = Kind{"preview-role", maxRole}
	PreviewPolicy     = Kind{"preview-policy", maxPolicy}
	DeployRole        = Kind{"deploy-role", maxRole}
	DeployPolicy      = Kind{"deploy-policy", maxPolicy}
	PermissionsLimit  = Kind{"permission-boundary", maxPolicy}
	ExternalID        = Kind{"external-id", maxExternalID}
	WorkloadQueue     = Kind{"orders-queue", maxQueue}
	WorkloadDeadQueue = Kind{"orders-dead-letter-queue", maxQueue}
	WorkloadTopic     = Kind{"alerts-topic", maxTopic}
	WorkloadParameter = Kind{"alerts-topic-parameter", maxParameter}

	// shared
	ImageRepository    = Kind{"build-image", maxRepository}
	ImageProject       = Kind{"image-build-project", maxProject}
	ImageRole          = Kind{"image-build-role", maxRole}
	ImagePolicy        = Kind{"image-build-policy", maxPolicy}
	ImageLogs          = Kind{"image-build-logs", maxLogGroup}
	ImageSourceBucket  = Kind{"image-source-bucket", maxBucket}
	ApprovedImage      = Kind{"approved-image", maxParameter}
	ImageVerdict       = Kind{"image-verdict", maxParameter}
	AcceptedFindings   = Kind{"accepted-findings", maxParameter}
	ScanGateFunction   = Kind{"scan-gate", maxFunction}
	ScanGateRole       = Kind{"scan-gate-role", maxRole}
	ScanGatePolicy     = Kind{"scan-gate-policy", maxPolicy}
	ScanGateLogs       = Kind{"scan-gate-logs", maxLogGroup}
	ScanGateRule       = Kind{"scan-gate-rule", maxRule}
	ScanGateDeadLetter = Kind{"scan-gate-dead-letter", maxQueue}
	ScanGateAlarm      = Kind{"scan-gate-dead-letter-alarm", maxAlarm}
	StarterFunction    = Kind{"starter", maxFunction}
	StarterRole        = Kind{"starter-role", maxRole}
	StarterPolicy      = Kind{"starter-policy", maxPolicy}
	StarterLogs        = Kind{"starter-logs", maxLogGroup}
	StarterDeadLetter  = Kind{"starter-dead-letter", maxQueue}
	StarterAlarm       = Kind{"starter-dead-letter-alarm", maxAlarm}
	DeliveryBus        = Kind{"delivery-bus", maxBus}
	WebhookAPI         = Kind{"webhook-api", maxAPI}
	WebhookAPILogs     = Kind{"webhook-api-logs", maxLogGroup}
	WebhookSecret      = Kind{"webhook-secret", maxSecret}
	ReceiverFunction   = Kind{"receiver", maxFunction}
	ReceiverRole       = Kind{"receiver-role", maxRole}
	ReceiverPolicy     = Kind{"receiver-policy", maxPolicy}
	ReceiverLogs       = Kind{"receiver-logs", maxLogGroup}
	DeliveriesTable    = Kind{"deliveries", maxTable}
	SourceConnection   = Kind{"source", maxConnection}
	PipelineTopic      = Kind{"pipeline-topic", maxTopic}
	ApprovalTopic      = Kind{"approval-topic", maxTopic}
	LedgerBucket       = Kind{"ledger-bucket", maxBucket}
	AuditTrail         = Kind{"audit-trail", maxTrail}
	AuditBucket        = Kind{"audit-bucket", maxBucket}

	// shared, in GitHub: an environment of the customer's repository
	RepositoryEnvironment = Kind{"environment", maxGitHubEnv}

	// environments
	ArtifactBucket  = Kind{"artifact-bucket", maxBucket}
	Pipeline        = Kind{"pipeline", maxPipeline}
	PipelineRole    = Kind{"pipeline-role", maxRole}
	PipelinePolicy  = Kind{"pipeline-policy", maxPolicy}
	PreviewBuild    = buildOf("preview")
	DeployBuild     = buildOf("deploy")
	StartRule       = Kind{"start-rule", maxRule}
	StartDeadLetter = Kind{"start-dead-letter", maxQueue}
	StartAlarm      = Kind{"start-dead-letter-alarm", maxAlarm}
	StateRule       = Kind{"state-rule", maxRule}
)

// Kinds lists every kind, for tests that walk all names.
func Kinds() []Kind {
	return []Kind{
		KeyAlias, StateBucket,
		PreviewRole, PreviewPolicy, DeployRole, DeployPolicy, PermissionsLimit, ExternalID,
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
		Project: Kind{verb + "-project", maxProject}, Role: Kind{verb + "-build-role", maxRole},
		Policy: Kind{verb + "-build-policy", maxPolicy}, Logs: Kind{verb + "-logs", maxLogGroup},
	}
}

// Buckets returns the names of all buckets of an installation with the given
// environments. Bucket names are unique among all accounts of AWS, so whoever
// makes one must look at them all.
func Buckets(suffix string, environments ...Environment) []string {
	shared := New(Shared, suffix)
	names := []string{shared.Of(StateBucket), shared.Of(ImageSourceBucket), shared.Of(LedgerBucket), shared.Of(AuditBucket)}
	for _, env := range environments {
		names = append(names, shared.In(env).Of(StateBucket), shared.In(env).Of(ArtifactBucket))
	}
	return names
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

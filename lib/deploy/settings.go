package deploy

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
)

// Settings are what a build gives the deployer in its environment.
type Settings struct {
	Environment, Pipeline, Region, Account string
	StateBucket, SecretsKey                string
	Role, ExternalID                       string
	LedgerBucket, Bus                      string
	Requires                               string // environment that must have deployed the commit first, or ""
	Commit, SourceCommit                   string
	Execution, Delivery, Pusher            string
	ReviewedDigest                         string // digest that the preview exported; Deploy demands it
	ReviewedSummary                        string // summary that the preview exported, as the approval shows it
	pathStyle                              bool
}

var (
	commitPattern  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	rolePattern    = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/[\w+=,.@/-]{1,512}$`)
	keyPattern     = regexp.MustCompile(`^arn:aws:kms:([a-z0-9-]+):([0-9]{12}):key/[A-Za-z0-9-]+$`)
	digestPattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sessionInvalid = regexp.MustCompile(`[^\w+=,.@-]`)
)

// ReadSettings reads and checks the settings. The error names every variable
// that is wrong.
func ReadSettings(getenv func(string) string) (Settings, error) {
	var errs []error
	must := func(name string, allows func(string) bool, expected string) string {
		v := getenv(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("environment variable %s is not set: the pipeline sets it; expected %s", name, expected))
		} else if allows != nil && !allows(v) {
			errs = append(errs, fmt.Errorf("environment variable %s is %q: expected %s", name, v, expected))
		}
		return v
	}
	s := Settings{
		Environment:  must(contract.EnvEnvironment, nil, "the name of an environment"),
		Pipeline:     must(contract.EnvPipeline, nil, "the name of the pipeline"),
		Region:       must(contract.EnvRegion, awsname.Region.Allows, "an AWS region"),
		Account:      must(contract.EnvAccount, awsname.Account.Allows, "a twelve-digit account id"),
		StateBucket:  must(contract.EnvStateBucket, awsname.Bucket.Allows, "the name of a bucket"),
		SecretsKey:   must(contract.EnvSecretsKey, keyPattern.MatchString, "the ARN of a KMS key"),
		Role:         must(contract.EnvRole, rolePattern.MatchString, "the ARN of a role"),
		ExternalID:   must(contract.EnvExternalID, nil, "the external id that the role demands"),
		LedgerBucket: must(contract.EnvLedgerBucket, awsname.Bucket.Allows, "the name of a bucket"),
		Bus:          must(contract.EnvBus, nil, "the name of an event bus"),
		Execution:    must(contract.EnvExecution, nil, "the id of the pipeline execution"),
		Requires:     getenv(contract.EnvRequires),
		Commit:       getenv(contract.EnvCommit), SourceCommit: getenv(contract.EnvSourceCommit),
		Delivery: getenv(contract.EnvDelivery), Pusher: getenv(contract.EnvPusher),
		ReviewedDigest: getenv(contract.ExportDigest), ReviewedSummary: getenv(contract.ExportSummary),
		pathStyle: getenv("AWS_ENDPOINT_URL") != "" || getenv("AWS_ENDPOINT_URL_S3") != "",
	}
	if m := rolePattern.FindStringSubmatch(s.Role); m != nil && awsname.Account.Allows(s.Account) && m[1] != s.Account {
		errs = append(errs, fmt.Errorf("%s is in account %s and %s is %s: expected a role of the target account", contract.EnvRole, m[1], contract.EnvAccount, s.Account))
	}
	for _, name := range []string{contract.EnvEnvironment, contract.EnvRequires} {
		if getenv(name) == "" {
			continue // required ones were reported above
		}
		if err := naming.ValidEnvironment(getenv(name)); err != nil {
			errs = append(errs, fmt.Errorf("environment variable %s: %w", name, err))
		}
	}
	if s.ReviewedDigest != "" && !digestPattern.MatchString(s.ReviewedDigest) {
		errs = append(errs, fmt.Errorf("environment variable %s is %q: expected 64 hexadecimal digits", contract.ExportDigest, s.ReviewedDigest))
	}
	errs = append(errs, s.checkCommit())
	return s, errors.Join(errs...)
}

// checkCommit refuses a run that no push started, and one whose source is not
// what the push named: AWS documents the pinning of a commit by an event for
// other sources than connections, so it is checked here.
func (s Settings) checkCommit() error {
	const remedy = "merge a change into the delivered branch; nothing else deploys"
	switch {
	case s.Commit == "" || s.Commit == contract.Unset:
		return fmt.Errorf("this pipeline execution was not started by a delivery (%s is %q): %s", contract.EnvCommit, s.Commit, remedy)
	case !commitPattern.MatchString(s.Commit):
		return fmt.Errorf("environment variable %s is %q: expected a commit of 40 hexadecimal digits", contract.EnvCommit, s.Commit)
	case s.Commit != s.SourceCommit:
		return fmt.Errorf("the push named commit %s but the source action fetched %q: the branch has moved or the revision was not pinned; %s", s.Commit, s.SourceCommit, remedy)
	}
	return nil
}

// DeliveryAccount is the account that runs the pipelines and owns the buckets:
// that of the key of the workload's secrets.
func (s Settings) DeliveryAccount() string {
	if m := keyPattern.FindStringSubmatch(s.SecretsKey); m != nil {
		return m[2]
	}
	return ""
}

// Backend is the URL of the state backend.
func (s Settings) Backend() string {
	q := url.Values{"region": {s.Region}, "awssdk": {"v2"}}
	if s.pathStyle {
		// A local endpoint has no host name per bucket.
		q.Set("use_path_style", "true")
	}
	return "s3://" + s.StateBucket + "?" + q.Encode()
}

// SecretsProvider is the URL of the key of the workload's secrets. The
// encryption context binds the data key to the environment.
func (s Settings) SecretsProvider() string {
	q := url.Values{"region": {s.Region}, "context_environment": {s.Environment}}
	return "awskms:///" + s.SecretsKey + "?" + q.Encode()
}

// Message is what the history of a stack keeps of this run's updates.
func (s Settings) Message() string { return "commit " + s.Commit + ", execution " + s.Execution }

// maxSession is the limit of STS on the name of a session.
const maxSession = 64

// SessionName names the run in the target account's CloudTrail: the pipeline,
// cut where it must be, and the whole execution id.
func (s Settings) SessionName() string {
	execution := sessionInvalid.ReplaceAllString(s.Execution, "-")
	pipeline := sessionInvalid.ReplaceAllString(s.Pipeline, "-")
	if len(execution) > maxSession-2 {
		return execution[:min(len(execution), maxSession)]
	}
	return pipeline[:min(len(pipeline), maxSession-1-len(execution))] + "-" + execution
}

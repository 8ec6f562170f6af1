// Package settings holds the configuration that all projects of one
// installation share. Commands use it too, so it does not link Pulumi: a
// project's own configuration is read by package projectconfig.
//
// The shared settings are given once, to the bootstrap project, which
// validates and exports them; every other project reads them through its
// StackReference (package stackrefs) and takes only what is its own from its
// own config. No component reads configuration.
package settings

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
)

// Region is the only region that the platform supports (requirement S15).
const Region = "us-east-1"

// Settings is what all projects of an installation share.
type Settings struct {
	// EnvironmentSuffix ends every name; see naming.ValidSuffix.
	EnvironmentSuffix string `json:"environmentSuffix"`
	// Region is the AWS region of everything: us-east-1.
	Region string `json:"region"`
	// DeliveryAccount is the twelve-digit account that runs the pipelines: the
	// one whose credentials ran bootstrap.
	DeliveryAccount string `json:"deliveryAccount"`
	// Environments are what commits are deployed to, in the order of promotion.
	Environments promotion.Environments `json:"environments"`
	// AllowSharedAccounts lets two environments have the same account.
	AllowSharedAccounts bool `json:"allowSharedAccounts,omitempty"`
	// Repository is the customer's infrastructure repository.
	Repository Repository `json:"repository"`
	// Owners are the e-mail addresses that are notified and named in tags.
	Owners []string `json:"owners"`
	// Operators are the ARNs of the IAM roles and users that run the
	// platform's own stacks and so may use the platform key.
	Operators []string `json:"operators"`
}

// Repository names a GitHub repository and the branch that is delivered.
type Repository struct {
	Owner  string `json:"owner"`
	Name   string `json:"name"`
	Branch string `json:"branch"`
}

// FullName returns "owner/name".
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

// RehearsalAccounts are the accounts of requirement S9, which a rehearsal
// deploys to. They are nobody's default.
func RehearsalAccounts() map[naming.Environment]string {
	return map[naming.Environment]string{naming.Dev: "123456789012", naming.Staging: "234567890123", naming.Prod: "345678901234"}
}

// Namer returns the Namer of an environment of this installation.
func (s Settings) Namer(env naming.Environment) naming.Namer {
	return naming.New(env, s.EnvironmentSuffix)
}

// Delivery returns the ARN scope of the delivery account.
func (s Settings) Delivery() naming.Scope {
	return naming.Scope{Account: s.DeliveryAccount, Region: s.Region}
}

// Target returns the ARN scope of an environment's target account.
func (s Settings) Target(env naming.Environment) naming.Scope {
	return naming.Scope{Account: s.Environments.Account(env), Region: s.Region}
}

// DeadLetterAlarms returns the ARNs of all alarms on dead-letter queues, the
// environments' included: a topic and its key name them before they exist.
func (s Settings) DeadLetterAlarms() []string {
	shared := s.Namer(naming.Shared)
	names := []string{shared.Of(naming.ScanGateAlarm), shared.Of(naming.StarterAlarm)}
	for _, env := range s.Environments.Names() {
		names = append(names, s.Namer(env).Of(naming.StartAlarm))
	}
	var arns []string
	for _, name := range names {
		arns = append(arns, s.Delivery().Alarm(name))
	}
	return arns
}

// Tags returns the tags of every taggable resource of an environment.
func (s Settings) Tags(env naming.Environment, project string) map[string]string {
	return map[string]string{
		"Application":       "pulumi-delivery",
		"Project":           project,
		"Environment":       string(env),
		"EnvironmentSuffix": s.EnvironmentSuffix,
		"Owner":             s.ownersTag(),
	}
}

func (s Settings) ownersTag() string { return strings.Join(s.Owners, " ") }

// Patterns of values that belong to one project, but that make configure
// checks before they are written. Nothing means the default.
var (
	// ConnectionARN is a source connection in the platform's region.
	ConnectionARN = regexp.MustCompile(`^$|^arn:aws:codeconnections:us-east-1:[0-9]{12}:connection/[0-9a-f-]{36}$`)
	// RoleName is the name of an IAM role, with its path where it has one. See
	// "IAM and AWS STS quotas".
	RoleName = regexp.MustCompile(`^$|^(?:[A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$`)
)

var (
	// GitHub: owners are alphanumeric with single hyphens, at most 39 characters.
	ownerPattern = regexp.MustCompile(`^[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}$`)
	// GitHub: repository names are letters, digits, '.', '_' and '-', at most 100.
	repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	branchPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$`)
	// AWS: tag values are at most 256 letters, digits, spaces and _ . : / = + - @
	ownersPattern   = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+@-]{0,256}$`)
	operatorPattern = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:(?:role|user)/[\w+=,.@/-]+$`)
)

// EnvironmentsKey is the key of the list of environments, of bootstrap.
const EnvironmentsKey = "environments"

// Problem is a value that can't be used.
type Problem struct {
	// Project and Key name the value, as in "bootstrap:owners[0]".
	Project, Key string
	// Value is what was given, "" for nothing.
	Value string
	// Expected is what would do, and Example such a value.
	Expected, Example string
}

// Error says how to set the value with the Pulumi CLI.
func (p Problem) Error() string {
	path := ""
	if strings.ContainsAny(p.Key, "[.") {
		path = "--path "
	}
	return fmt.Sprintf("settings: \"%s:%s\" is %q: expected %s; set it with: pulumi config set %s'%s:%s' %s",
		p.Project, p.Key, p.Value, p.Expected, path, p.Project, p.Key, p.Example)
}

// Validate reports everything that is wrong with the settings, each in a
// sentence that names the bootstrap key, the value, what was expected and how
// to set it.
func (s Settings) Validate() error {
	var errs []error
	for _, p := range s.Problems() {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// Problems lists everything that is wrong with the settings.
func (s Settings) Problems() []Problem {
	var problems []Problem
	bad := func(key, value, expected, example string) {
		problems = append(problems, Problem{"bootstrap", key, value, expected, example})
	}
	if err := naming.ValidSuffix(s.EnvironmentSuffix); err != nil {
		bad("environmentSuffix", s.EnvironmentSuffix, "2 to 12 lower-case letters and digits, beginning with a letter", naming.DocumentedSuffix)
	}
	if s.Region != Region {
		problems = append(problems, Problem{"aws", "region", s.Region, Region, Region})
	}
	for _, p := range s.Environments.Problems(s.AllowSharedAccounts) {
		bad(EnvironmentsKey+p.Key, p.Value, p.Expected, p.Example)
	}
	if !ownerPattern.MatchString(s.Repository.Owner) {
		bad("repositoryOwner", s.Repository.Owner, "a GitHub organisation or user", "acme")
	}
	if !repositoryPattern.MatchString(s.Repository.Name) || s.Repository.Name == "." || s.Repository.Name == ".." {
		bad("repositoryName", s.Repository.Name, "a GitHub repository name without its owner", "infrastructure")
	}
	if !branchPattern.MatchString(s.Repository.Branch) || strings.Contains(s.Repository.Branch, "..") || strings.HasPrefix(s.Repository.Branch, "refs/") {
		bad("branch", s.Repository.Branch, "a branch name without refs/heads/", "main")
	}
	return append(problems, s.peopleProblems()...)
}

func (s Settings) peopleProblems() []Problem {
	var problems []Problem
	bad := func(key, value, expected, example string) {
		problems = append(problems, Problem{"bootstrap", key, value, expected, example})
	}
	if len(s.Owners) == 0 {
		bad("owners[0]", "", "at least one e-mail address to notify", "platform@example.com")
	}
	for i, o := range s.Owners {
		key := fmt.Sprintf("owners[%d]", i)
		if a, err := mail.ParseAddress(o); err != nil || a.Address != o {
			bad(key, o, "an e-mail address", "platform@example.com")
		}
		if slices.Contains(s.Owners[:i], o) {
			bad(key, o, "every address once", "security@example.com")
		}
	}
	if tag := s.ownersTag(); !ownersPattern.MatchString(tag) {
		bad("owners[0]", tag, "addresses that fit into one tag: at most 256 letters, digits and _.:/=+@- in all", "platform@example.com")
	}
	if len(s.Operators) == 0 {
		bad("operators[0]", "", "at least one IAM role or user that runs the platform's stacks", "arn:aws:iam::123456789012:role/Platform")
	}
	for i, o := range s.Operators {
		if !operatorPattern.MatchString(o) {
			bad(fmt.Sprintf("operators[%d]", i), o, "the ARN of an IAM role or user", "arn:aws:iam::123456789012:role/Platform")
		}
	}
	return problems
}

// Package stackrefs holds the typed exports of each project. The writing and
// the reading side use the same struct, so that an export can't be renamed on
// one side only: the writer fills it with pulumi.StringInput, the reader gets
// it filled with string. Commands use the names too, so it does not link
// Pulumi: package stackoutputs writes and reads the exports.
package stackrefs

import (
	"fmt"
	"strings"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// ByEnvironment maps the name of each environment (and shared, where it applies) to a value.
type ByEnvironment[V any] map[naming.Environment]V

// Bootstrap is what the bootstrap project exports.
type Bootstrap[V any] struct {
	Settings     settings.Settings `json:"settings"`
	KeyARNs      ByEnvironment[V]  `json:"keyArns"`      // of each environment, and shared (the platform key)
	StateBuckets ByEnvironment[V]  `json:"stateBuckets"` // of each environment, and shared (the platform's)
}

// Shared is what the shared project exports.
type Shared[V any] struct {
	RepositoryURL          V `json:"repositoryUrl"`          // of the build image, without tag
	ApprovedImageParameter V `json:"approvedImageParameter"` // SSM parameter with the approved digest
	ImageProject           V `json:"imageProject"`           // CodeBuild project that builds the image
	BusName                V `json:"busName"`
	WebhookURL             V `json:"webhookUrl"`
	ConnectionARN          V `json:"connectionArn"`
	ConnectionStatus       V `json:"connectionStatus"` // PENDING, AVAILABLE or ERROR
	PipelineTopicARN       V `json:"pipelineTopicArn"`
	ApprovalTopicARN       V `json:"approvalTopicArn"`
	LedgerBucket           V `json:"ledgerBucket"`
	StarterName            V `json:"starterName"` // function that starts the pipelines
	StarterARN             V `json:"starterArn"`
}

// Targets is what a stack of the targets project exports.
type Targets[V any] struct {
	PreviewRoleARN V `json:"previewRoleArn"`
	DeployRoleARN  V `json:"deployRoleArn"`
	ExternalID     V `json:"externalId"`
}

// Environment is what an environment project exports.
type Environment[V any] struct {
	PipelineName V `json:"pipelineName"`
	PipelineARN  V `json:"pipelineArn"`
	ImageDigest  V `json:"imageDigest"` // sha256:…; what the next environment may use
}

// ImageUnset is the value of the approved-image parameter before the scan gate
// has approved an image.
const ImageUnset = "none"

// Projects, as named in their Pulumi.yaml.
const (
	BootstrapProject = "bootstrap"
	SharedProject    = "shared"
	TargetsProject   = "targets"
)

// EnvironmentProject returns the project name of an environment, for instance
// "environment-dev".
func EnvironmentProject(env naming.Environment) string { return environmentProject + string(env) }

const environmentProject = "environment-"

// EnvironmentOf returns the environment of a project that EnvironmentProject
// has named, and an error for any other.
func EnvironmentOf(project string) (naming.Environment, error) {
	name, ok := strings.CutPrefix(project, environmentProject)
	if !ok {
		return "", fmt.Errorf("project %q is not named after an environment: expected %sNAME in its Pulumi.yaml", project, environmentProject)
	}
	if err := naming.ValidEnvironment(name); err != nil {
		return "", fmt.Errorf("project %q: %w", project, err)
	}
	return naming.Environment(name), nil
}

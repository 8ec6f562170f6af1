// Package stackrefs holds the typed exports of each project. The writing and
// the reading side use the same struct, so that an export can't be renamed on
// one side only: the writer fills it with pulumi.StringInput, the reader gets
// it filled with string.
package stackrefs

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// ByEnvironment maps dev, staging, prod (and shared, where it applies) to a value.
type ByEnvironment[V any] map[naming.Environment]V

// Bootstrap is what the bootstrap project exports.
type Bootstrap[V any] struct {
	Settings     settings.Settings `json:"settings"`
	KeyARNs      ByEnvironment[V]  `json:"keyArns"`      // dev, staging, prod, shared (the platform key)
	StateBuckets ByEnvironment[V]  `json:"stateBuckets"` // dev, staging, prod, shared (the platform's)
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
func EnvironmentProject(env naming.Environment) string { return "environment-" + string(env) }

// Export writes every field of one of this package's structs as a stack output
// named by its json tag.
func Export(ctx *pulumi.Context, exports any) error {
	v := reflect.ValueOf(exports)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		in, err := input(v.Field(i).Interface())
		if err != nil {
			return fmt.Errorf("stackrefs: export %s: %w", name, err)
		}
		ctx.Export(name, in)
	}
	return nil
}

func input(v any) (pulumi.Input, error) {
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf("has no value")
	case pulumi.StringInput:
		return v, nil
	case ByEnvironment[pulumi.StringInput]:
		m := pulumi.StringMap{}
		for env, s := range v {
			m[string(env)] = s
		}
		return m, nil
	}
	plain := map[string]any{}
	if err := convert(v, &plain); err != nil {
		return nil, err
	}
	return pulumi.Any(plain), nil
}

// Read fills one of this package's structs, of plain strings, from the outputs
// of a stack of the same backend. The remedy ends the error when the stack or
// one of its outputs is missing, for instance "run: make bootstrap".
func Read[T any](ctx *pulumi.Context, project, stack, remedy string) (T, error) {
	var out T
	name := fmt.Sprintf("organization/%s/%s", project, stack)
	ref, err := pulumi.NewStackReference(ctx, name, nil)
	if err != nil {
		return out, fmt.Errorf("stack %s can't be read (%w): it must be deployed first; %s", name, err, remedy)
	}
	values := map[string]any{}
	t := reflect.TypeOf(out)
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("json")
		d, err := ref.GetOutputDetails(key)
		if err != nil {
			err = fmt.Errorf("stack %s can't be read (%w): it must be deployed first; %s", name, err, remedy)
			// The SDK drops a program's error when a read failed, and reports
			// the read alone: say it here, so that the remedy is seen.
			return out, errors.Join(err, ctx.Log.Error(err.Error(), nil))
		}
		value := d.Value
		if value == nil {
			value = d.SecretValue
		}
		if value == nil {
			return out, fmt.Errorf("stack %s has no output %q: it was not deployed, or by another version of this program; %s", name, key, remedy)
		}
		values[key] = value
	}
	if err := convert(values, &out); err != nil {
		return out, fmt.Errorf("stack %s has outputs that this program can't read (%w); %s", name, err, remedy)
	}
	return out, nil
}

// convert goes through JSON, which both sides' tags describe.
func convert(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

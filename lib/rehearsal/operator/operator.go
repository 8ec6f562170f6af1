// Package operator does with the rehearsed platform what its operator and the
// people around them do: it bootstraps, brings stacks up and takes them down,
// proposes, merges and approves changes, and waits for what comes of them.
package operator

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/settings"
)

// Operator is the person at the keyboard, in a shell with credentials of the
// delivery account.
type Operator struct {
	Platform *platform.Platform
	// Env is what the shell has: credentials, the endpoint of the local cloud
	// and the attached providers.
	Env []string

	rig  *rehearsal.Rig
	stop func()
}

// New gives a rig its operator; out gets the output of the CLI. Close ends
// what New starts.
func New(rig *rehearsal.Rig, out io.Writer) (*Operator, error) {
	session := rig.Cloud.Operator(cloud.DeliveryAccount)
	attached, stop, err := rig.AttachProviders(session)
	if err != nil {
		return nil, err
	}
	o := &Operator{rig: rig, stop: stop}
	o.Env = append(session.Env(),
		"HOME="+rig.Home(),
		"PULUMI_HOME="+filepath.Join(rig.Home(), ".pulumi"),
		"PATH="+rig.Tools()+string(os.PathListSeparator)+os.Getenv("PATH"),
		"AWS_REGION="+settings.Region,
		"AWS_ENDPOINT_URL="+rig.Endpoint,
		"AWS_EC2_METADATA_DISABLED=true",
		"GITHUB_TOKEN=the-local-cloud-asks-for-none",
		"PULUMI_DEBUG_PROVIDERS="+attached,
	)
	o.Env = append(o.Env, rig.BuildEnvironment()...)
	o.Platform, err = platform.New(platform.Config{
		Root: rig.Workspace(), Suffix: rig.Suffix, Environments: rig.Environments, Environment: platform.RehearsalEnvironment(o.Env), Out: out,
		Pulumi:  filepath.Join(rig.Tools(), "pulumi"),
		Backend: fmt.Sprintf("s3://%s?region=%s&use_path_style=true", rig.Names(naming.Shared).Of(naming.StateBucket), settings.Region),
	})
	if err != nil {
		stop()
		return nil, err
	}
	return o, nil
}

// Close detaches the providers.
func (o *Operator) Close() { o.stop() }

// Shell returns what a shell needs to use the running cloud with the plain
// pulumi CLI, as NAME=value, and with version 1 of the AWS CLI, which knows
// the region by another name.
func (o *Operator) Shell() []string {
	return append(slices.Clone(o.Env), "AWS_DEFAULT_REGION="+settings.Region, "PULUMI_BACKEND_URL="+o.Platform.Backend)
}

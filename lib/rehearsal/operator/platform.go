package operator

import (
	"context"
	"fmt"
	"time"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/cloud"
)

// Types of the resources that the steps look at.
const (
	connectionType = "aws:codeconnections/connection:Connection"
	parameterType  = "aws:ssm/parameter:Parameter"
)

// Handshake does what a person does in the console: it completes the
// handshake of the source connection, which is created pending.
func (o *Operator) Handshake(context.Context) error {
	name := o.rig.Names(naming.Shared).Of(naming.SourceConnection)
	c := o.rig.Cloud.First(cloud.DeliveryAccount, connectionType, func(c *cloud.Resource) bool { return c.Name == name })
	if c == nil {
		return fmt.Errorf("connection %s does not exist: shared did not make it", name)
	}
	o.rig.Cloud.Update(c.Account, c.Type, c.ID, func(c *cloud.Resource) {
		outputs := map[string]any{}
		for k, v := range c.Outputs {
			outputs[k] = v
		}
		outputs["connectionStatus"] = "AVAILABLE"
		c.Outputs = outputs
	})
	return nil
}

// ApprovedImage returns the digest that the scan gate approved.
func (o *Operator) ApprovedImage() string {
	p := o.rig.Cloud.Get(cloud.DeliveryAccount, parameterType, o.rig.Names(naming.Shared).Of(naming.ApprovedImage))
	if p == nil {
		return ""
	}
	return p.Str("value")
}

// BuildImage is `make image`: it starts the deployed project, whose commands
// are run, docker being played.
func (o *Operator) BuildImage(ctx context.Context) error {
	builds, err := o.Platform.CodeBuild(ctx)
	if err != nil {
		return err
	}
	gate, err := o.Platform.ScanGate(ctx)
	if err != nil {
		return err
	}
	digest, err := o.Platform.BuildImage(ctx, builds, 100*time.Millisecond)
	if err != nil {
		return err
	}
	if err := o.Platform.WaitForVerdict(ctx, gate, digest, platform.Waiting{Every: 100 * time.Millisecond, Patience: time.Minute}); err != nil {
		return err
	}
	if got := o.ApprovedImage(); got != digest {
		return fmt.Errorf("the scan gate says that %s is approved, and the parameter holds %q", digest, got)
	}
	return nil
}

// DeployPlatform brings every project up, in order, with what a person does in
// between. It is told of every step.
func (o *Operator) DeployPlatform(ctx context.Context, step func(string, func(context.Context) error) error) error {
	up := func(project string) error {
		return step("make up PROJECT="+project, func(ctx context.Context) error { return o.Platform.Up(ctx, project) })
	}
	return firstError(
		func() error { return step("make configure", o.Configure) },
		func() error { return step("make bootstrap", o.Platform.Bootstrap) },
		func() error { return up("targets/dev") },
		func() error { return up("targets/staging") },
		func() error { return up("targets/prod") },
		func() error { return up("shared") },
		func() error { return step("complete the connection's handshake (not played)", o.Handshake) },
		func() error { return step("make image (docker build not played)", o.BuildImage) },
		func() error { return up("environments/dev") },
		func() error { return up("environments/staging") },
		func() error { return up("environments/prod") },
		func() error { return step("let the runs that creation started fail", o.rig.Services.Idle) },
	)
}

func firstError(steps ...func() error) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

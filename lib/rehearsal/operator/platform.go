package operator

import (
	"context"
	"fmt"
	"time"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/cloud"
)

// Handshake does what a person does in the console: it completes the
// handshake of the source connection, which is created pending.
func (o *Operator) Handshake(context.Context) error {
	name := o.rig.Names(naming.Shared).Of(naming.SourceConnection)
	c := o.rig.Cloud.First(cloud.DeliveryAccount, typetoken.Connection, func(c *cloud.Resource) bool { return c.Name == name })
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
	p := o.rig.Cloud.Get(cloud.DeliveryAccount, typetoken.Parameter, o.rig.Names(naming.Shared).Of(naming.ApprovedImage))
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
	type task struct {
		title string
		do    func(context.Context) error
	}
	tasks := []task{{"make configure", o.Configure}, {"make bootstrap", o.Platform.Bootstrap}}
	for _, project := range o.Platform.Projects()[1:] {
		tasks = append(tasks, task{"make up PROJECT=" + project.Name, func(ctx context.Context) error { return o.Platform.Up(ctx, project.Name) }})
		if project.Name == "shared" {
			tasks = append(tasks,
				task{"complete the connection's handshake (not played)", o.Handshake},
				task{"make image (docker build not played)", o.BuildImage})
		}
	}
	for _, t := range append(tasks, task{"let the runs that creation started fail", o.rig.Services.Idle}) {
		if err := step(t.title, t.do); err != nil {
			return err
		}
	}
	return nil
}

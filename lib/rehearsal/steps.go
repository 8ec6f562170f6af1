package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// Types of the resources that the steps look at.
const (
	connectionType = "aws:codeconnections/connection:Connection"
	parameterType  = "aws:ssm/parameter:Parameter"
)

// Handshake does what a person does in the console: it completes the
// handshake of the source connection, which is created pending.
func (r *Rehearsal) Handshake(context.Context) error {
	name := r.names(naming.Shared).Of(naming.SourceConnection)
	c := r.Cloud.First(cloud.DeliveryAccount, connectionType, func(c *cloud.Resource) bool { return c.Name == name })
	if c == nil {
		return fmt.Errorf("connection %s does not exist: shared did not make it", name)
	}
	r.Cloud.Update(c.Account, c.Type, c.ID, func(c *cloud.Resource) {
		outputs := map[string]any{}
		for k, v := range c.Outputs {
			outputs[k] = v
		}
		outputs["connectionStatus"] = "AVAILABLE"
		c.Outputs = outputs
	})
	return nil
}

// PushImage puts an image with the given findings into the registry, without a
// build, and returns its digest. The scan gate learns of it as on AWS.
func (r *Rehearsal) PushImage(tag string, findings map[string]int) (string, error) {
	var listed []awsapi.Finding
	for severity, n := range findings {
		for i := range n {
			listed = append(listed, awsapi.Finding{ID: fmt.Sprintf("CVE-2026-1%03d%d", len(severity), i), Severity: severity, Package: "zlib", Version: "1.2.11"})
		}
	}
	return r.PushScanned(tag, awsapi.ScanResult{Findings: listed})
}

// PushScanned is PushImage with the whole result of the image's scan.
func (r *Rehearsal) PushScanned(tag string, result awsapi.ScanResult) (string, error) {
	sum := sha256.Sum256([]byte(r.Suffix + tag))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	r.API.Scans(func(awsapi.PushedImage) awsapi.ScanResult { return result })
	defer r.API.Scans(nil)
	return digest, r.API.PushImage(cloud.DeliveryAccount, r.names(naming.Shared).Of(naming.ImageRepository), awsapi.PushedImage{Digest: digest, Tag: tag})
}

func (r *Rehearsal) hasImage(account, repository, digest string) bool {
	return slices.ContainsFunc(r.Cloud.Images(account, repository), func(i *cloud.Resource) bool { return i.Str("imageDigest") == digest })
}

// ApprovedImage returns the digest that the scan gate approved.
func (r *Rehearsal) ApprovedImage() string {
	p := r.Cloud.Get(cloud.DeliveryAccount, parameterType, r.names(naming.Shared).Of(naming.ApprovedImage))
	if p == nil {
		return ""
	}
	return p.Str("value")
}

// BuildImage is `make image`: it starts the deployed project, whose commands
// are run, docker being played.
func (r *Rehearsal) BuildImage(ctx context.Context) error {
	builds, err := r.Platform.CodeBuild(ctx)
	if err != nil {
		return err
	}
	gate, err := r.Platform.ScanGate(ctx)
	if err != nil {
		return err
	}
	digest, err := r.Platform.BuildImage(ctx, builds, 100*time.Millisecond)
	if err != nil {
		return err
	}
	if err := r.Platform.WaitForVerdict(ctx, gate, digest, platform.Waiting{Every: 100 * time.Millisecond, Patience: time.Minute}); err != nil {
		return err
	}
	if got := r.ApprovedImage(); got != digest {
		return fmt.Errorf("the scan gate says that %s is approved, and the parameter holds %q", digest, got)
	}
	return nil
}

// DeployPlatform brings every project up, in order, with what a person does in
// between. It is told of every step.
func (r *Rehearsal) DeployPlatform(ctx context.Context, step func(string, func(context.Context) error) error) error {
	up := func(project string) error {
		return step("make up PROJECT="+project, func(ctx context.Context) error { return r.Platform.Up(ctx, project) })
	}
	return firstError(
		func() error { return step("make configure", r.Configure) },
		func() error { return step("make bootstrap", r.Platform.Bootstrap) },
		func() error { return up("targets/dev") },
		func() error { return up("targets/staging") },
		func() error { return up("targets/prod") },
		func() error { return up("shared") },
		func() error { return step("complete the connection's handshake (not played)", r.Handshake) },
		func() error { return step("make image (docker build not played)", r.BuildImage) },
		func() error { return up("environments/dev") },
		func() error { return up("environments/staging") },
		func() error { return up("environments/prod") },
		func() error { return step("let the runs that creation started fail", r.Runtime.Idle) },
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

// Left lists everything that is left in the local cloud: resources, objects,
// running builds.
func (r *Rehearsal) Left() []string {
	var left []string
	for _, d := range r.Cloud.Deployed() {
		left = append(left, fmt.Sprintf("%s %s in account %s", d.Type, d.ID, d.Account))
	}
	return left
}

// errRejected ends a delivery that a person did not want.
var errRejected = errors.New("production was rejected")

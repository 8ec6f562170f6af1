package services

import (
	"fmt"
	"maps"
	"sync"

	"delivery.internal/lib/rehearsal/cloud"
)

// EventBus takes the events of AWS services.
type EventBus interface {
	EmitAWS(account, source, detailType string, resources []string, detail map[string]any)
}

// Registry emulates what ECR does when an image is pushed: it keeps the image,
// has it scanned, and tells of the scan's end.
type Registry struct {
	cloud *cloud.Cloud
	bus   EventBus
	mu    sync.Mutex
	scans func(cloud.PushedImage) cloud.ScanResult
}

// NewRegistry returns the registries of all accounts; bus gets the events of
// ECR and of Inspector.
func NewRegistry(c *cloud.Cloud, bus EventBus) *Registry { return &Registry{cloud: c, bus: bus} }

// Scans sets what the scans of images find from now on; nil finds nothing.
func (r *Registry) Scans(result func(cloud.PushedImage) cloud.ScanResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scans = result
}

// PushImage puts an image into a repository, which scans it at once as its
// registry does, and emits what ECR or Inspector emits.
func (r *Registry) PushImage(account, repository string, i cloud.PushedImage) error {
	repo := r.cloud.ByARN(cloud.ARN("ecr", account, "repository/"+repository))
	if repo == nil {
		return fail("RepositoryNotFoundException", "repository %s does not exist", repository)
	}
	for _, other := range r.cloud.Images(account, repository) {
		if other.Str("imageTag") == i.Tag && repo.Str("imageTagMutability") == "IMMUTABLE" {
			return fail("ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", i.Tag, repository)
		}
	}
	image := r.cloud.PutImage(account, repository, i)
	if r.cloud.ScanType(account) != cloud.EnhancedScanning && repo.Value("imageScanningConfiguration.scanOnPush") != true {
		return nil
	}
	return r.scan(image, i)
}

// scan scans an image, and tells of the end.
func (r *Registry) scan(image *cloud.Resource, i cloud.PushedImage) error {
	done := cloud.Scan{Enhanced: r.cloud.ScanType(image.Account) == cloud.EnhancedScanning, Ended: r.cloud.Now(), ScanResult: r.found(i)}
	if i.MediaType == cloud.IndexType {
		// "An artifact with media type 'application/vnd.oci.image.index.v1+json'
		// cannot be scanned": github.com/docker/setup-buildx-action/issues/186 and
		// github.com/moby/buildkit/issues/3499. The status is of ScanStatus in the
		// ECR API; no page promises an event for it.
		done.ScanResult = cloud.ScanResult{Status: "UNSUPPORTED_IMAGE", NoEvent: true}
	}
	r.cloud.SetScan(image, done)
	if done.NoEvent {
		return nil
	}
	return r.EmitScan(image.Account, image.Str("repositoryName"), i.Digest)
}

func (r *Registry) found(i cloud.PushedImage) cloud.ScanResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scans == nil {
		return cloud.ScanResult{}
	}
	return r.scans(i)
}

// EmitScan emits the event of an image's last scan once more.
func (r *Registry) EmitScan(account, repository, digest string) error {
	image := r.cloud.FindImage(account, repository, digest)
	if image == nil {
		return fmt.Errorf("repository %s holds no image %s", repository, digest)
	}
	done := r.cloud.ScanOf(image)
	if done == nil {
		return fmt.Errorf("image %s was never scanned", digest)
	}
	repositoryARN := cloud.ARN("ecr", account, "repository/"+repository)
	counts := numbers(done.SeverityCounts())
	detail := map[string]any{"image-digest": digest, "image-tags": []any{image.Str("imageTag")}, "repository-name": repository, "finding-severity-counts": counts}
	if done.Enhanced {
		// See "EventBridge events sent for enhanced scanning in Amazon ECR": the
		// repository is its ARN, and the counts have a TOTAL.
		counts["TOTAL"] = float64(len(done.Findings))
		maps.Copy(detail, map[string]any{"scan-status": "INITIAL_SCAN_COMPLETE", "repository-name": repositoryARN})
		r.bus.EmitAWS(account, "aws.inspector2", "Inspector2 Scan", []string{repositoryARN}, detail)
		return nil
	}
	// See "Amazon ECR events and EventBridge": COMPLETE or FAILED.
	detail["scan-status"] = "COMPLETE"
	if done.Status == "FAILED" {
		detail["scan-status"] = "FAILED"
	}
	r.bus.EmitAWS(account, "aws.ecr", "ECR Image Scan", []string{repositoryARN}, detail)
	return nil
}

func numbers(counts map[string]int) map[string]any {
	out := map[string]any{}
	for severity, n := range counts {
		out[severity] = float64(n)
	}
	return out
}

package cloud

import (
	"cmp"
	"time"

	"delivery.internal/lib/aws/typetoken"
)

// Media types of manifests, as docker pushes them.
const (
	ManifestType = "application/vnd.docker.distribution.manifest.v2+json"
	// IndexType is a list of manifests. What wraps an image and its
	// attestations is one too.
	IndexType = "application/vnd.oci.image.index.v1+json"
)

// Scan types of a registry; see PutRegistryScanningConfiguration in the ECR API.
const (
	BasicScanning    = "BASIC"
	EnhancedScanning = "ENHANCED"
)

// PushedImage is an image that docker pushes.
type PushedImage struct {
	Digest, Tag string
	// MediaType is of its manifest; ManifestType where empty.
	MediaType string
}

// ScanResult is what the scan of an image comes to.
type ScanResult struct {
	// Status is ECR's word for the scan; where empty, the one with which a
	// scan of the registry's type ends well.
	Status string
	// Findings are listed one by one, and counted.
	Findings []Finding
	// Counts are findingSeverityCounts where they are not those of Findings.
	Counts map[string]int
	// NoCounts leaves the counts out of the answer, NoTime the time of the
	// scan's end.
	NoCounts, NoTime bool
	// NoEvent loses the event of the scan's end: ECR emits events "on a best
	// effort basis" (docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html).
	NoEvent bool
}

// Finding is one vulnerability of an image.
type Finding struct{ ID, Severity, Package, Version string }

// Scan is what a registry keeps of the newest scan of an image.
type Scan struct {
	ScanResult
	Enhanced bool
	Ended    time.Time
}

// SeverityCounts leaves out a severity without findings, as ECR does.
func (s *Scan) SeverityCounts() map[string]int {
	if s.Counts != nil {
		return s.Counts
	}
	out := map[string]int{}
	for _, f := range s.Findings {
		out[f.Severity]++
	}
	return out
}

// State is COMPLETE after a basic scan, and ACTIVE while enhanced scanning
// watches the image; see ScanStatus in the ECR API.
func (s *Scan) State() string {
	switch {
	case s.Status != "":
		return s.Status
	case s.Enhanced:
		return "ACTIVE"
	}
	return "COMPLETE"
}

// AddImage puts an image with a single manifest into a repository; see PutImage.
func (c *Cloud) AddImage(account, repository, digest, tag string) {
	c.PutImage(account, repository, PushedImage{Digest: digest, Tag: tag})
}

// PutImage puts an image into a repository and returns it. One that is there
// already stays as it is: a digest names its content. Images are in the resource
// table, but nobody deploys them. They go with their repository.
func (c *Cloud) PutImage(account, repository string, i PushedImage) *Resource {
	id := repository + "@" + i.Digest
	if c.Get(account, typetoken.Image, id) == nil {
		// Two pushes at once may both have seen nothing: the table refuses the second.
		_ = c.Add(&Resource{
			Type: typetoken.Image, ID: id, Account: account, Name: id, Seed: true,
			Inputs: map[string]any{
				"repositoryName": repository, "imageDigest": i.Digest, "imageTag": i.Tag,
				"imageManifestMediaType": cmp.Or(i.MediaType, ManifestType), "imagePushedAt": c.pushTime(),
			},
		})
	}
	return c.Get(account, typetoken.Image, id)
}

// pushTime is when an image is pushed, in seconds since 1970. ECR gives whole
// seconds, in which real builds never meet: here each push has a second of its
// own.
func (c *Cloud) pushTime() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastPush = max(c.Now().Unix(), c.lastPush+1)
	return float64(c.lastPush)
}

// Images returns the images of a repository, in order of their push.
func (c *Cloud) Images(account, repository string) []*Resource {
	return c.Find(account, typetoken.Image, func(r *Resource) bool { return r.Str("repositoryName") == repository })
}

// FindImage returns the image of a repository that has a tag or a digest, nil
// where there is none.
func (c *Cloud) FindImage(account, repository, reference string) *Resource {
	return c.First(account, typetoken.Image, func(r *Resource) bool {
		return r.Str("repositoryName") == repository && (r.Str("imageDigest") == reference || r.Str("imageTag") == reference)
	})
}

// SetScan keeps the newest scan of an image.
func (c *Cloud) SetScan(image *Resource, s Scan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := key(image.Account, image.Type, image.ID); c.resources[k] != nil {
		c.data[k] = &s
	}
}

// ScanOf returns the newest scan of an image, nil where it was never scanned.
func (c *Cloud) ScanOf(image *Resource) *Scan {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s, _ := c.data[key(image.Account, image.Type, image.ID)].(*Scan)
	return s
}

// SetScanType sets the scan type of an account's registry. Images that are
// there keep the scan that they have had.
func (c *Cloud) SetScanType(account, scanType string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scanTypes[account] = scanType
}

// ScanType is the scan type of an account's registry: BASIC where nobody set
// another one.
func (c *Cloud) ScanType(account string) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return cmp.Or(c.scanTypes[account], BasicScanning)
}

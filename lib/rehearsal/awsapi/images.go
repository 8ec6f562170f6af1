package awsapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
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
	// MediaType is IndexType, or anything else for a single manifest.
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

// registry holds the scans, by repository ARN and digest, and what the tests
// decide about them. The images themselves are in the cloud's table.
type registry struct {
	types   map[string]string // scan type by account; BASIC where it has none
	indexes map[string]bool   // what is no manifest but an index
	pushed  map[string]time.Time
	last    time.Time // of all pushes
	scans   map[string]*scan
	next    func(PushedImage) ScanResult
}

type scan struct {
	ScanResult
	enhanced bool
	ended    time.Time
}

// SetScanType sets the scan type of an account's registry. Images that are
// there keep the scan that they have had.
func (s *Server) SetScanType(account, scanType string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ecr.types[account] = scanType
}

// Scans sets what the scans of images find from now on; nil finds nothing.
func (s *Server) Scans(result func(PushedImage) ScanResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ecr.next = result
}

func repositoryARN(account, repository string) string {
	return "arn:aws:ecr:" + cloud.Region + ":" + account + ":repository/" + repository
}

// PushImage puts an image into a repository, which scans it at once as its
// registry does, and emits what ECR or Inspector emits.
func (s *Server) PushImage(account, repository string, i PushedImage) error {
	arn := repositoryARN(account, repository)
	repo := s.cloud.ByARN(arn)
	if repo == nil {
		return fmt.Errorf("RepositoryNotFoundException: repository %s does not exist", repository)
	}
	for _, other := range s.cloud.Images(account, repository) {
		if other.Str("imageTag") == i.Tag && repo.Str("imageTagMutability") == "IMMUTABLE" {
			//lint:ignore ST1005 ECR's words
			return fmt.Errorf("ImageTagAlreadyExistsException: The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", i.Tag, repository)
		}
	}
	s.cloud.AddImage(account, repository, i.Digest, i.Tag)
	s.mu.Lock()
	s.ecr.indexes[arn+"@"+i.Digest] = i.MediaType == IndexType
	s.ecr.push(arn+"@"+i.Digest, s.cloud.Now())
	enhanced := s.ecr.types[account] == EnhancedScanning
	s.mu.Unlock()
	if !enhanced && repo.Value("imageScanningConfiguration.scanOnPush") != true {
		return nil
	}
	return s.scanImage(account, repository, i)
}

// FindImage returns the image that has a tag.
func (s *Server) FindImage(account, repository, tag string) (PushedImage, bool) {
	for _, i := range s.cloud.Images(account, repository) {
		if i.Str("imageTag") == tag {
			digest := i.Str("imageDigest")
			return PushedImage{Digest: digest, Tag: tag, MediaType: s.mediaType(repositoryARN(account, repository), digest)}, true
		}
	}
	return PushedImage{}, false
}

// scanImage scans an image, and tells of the end.
func (s *Server) scanImage(account, repository string, i PushedImage) error {
	s.mu.Lock()
	done := &scan{enhanced: s.ecr.types[account] == EnhancedScanning, ended: s.cloud.Now()}
	if s.ecr.next != nil {
		done.ScanResult = s.ecr.next(i)
	}
	if i.MediaType == IndexType {
		// "An artifact with media type 'application/vnd.oci.image.index.v1+json'
		// cannot be scanned": github.com/docker/setup-buildx-action/issues/186 and
		// github.com/moby/buildkit/issues/3499. The status is of ScanStatus in the
		// ECR API; no page promises an event for it.
		done.ScanResult = ScanResult{Status: "UNSUPPORTED_IMAGE", NoEvent: true}
	}
	s.ecr.scans[repositoryARN(account, repository)+"@"+i.Digest] = done
	s.mu.Unlock()
	if done.NoEvent {
		return nil
	}
	return s.EmitScan(account, repository, i.Digest)
}

// EmitScan emits the event of an image's last scan once more.
func (s *Server) EmitScan(account, repository, digest string) error {
	arn := repositoryARN(account, repository)
	s.mu.Lock()
	done := s.ecr.scans[arn+"@"+digest]
	s.mu.Unlock()
	if done == nil {
		return fmt.Errorf("image %s was never scanned", digest)
	}
	detail := map[string]any{"image-digest": digest, "image-tags": []any{}, "repository-name": repository, "finding-severity-counts": numbers(done.counts())}
	for _, i := range s.cloud.Images(account, repository) {
		if i.Str("imageDigest") == digest {
			detail["image-tags"] = []any{i.Str("imageTag")}
		}
	}
	if done.enhanced {
		// See "EventBridge events sent for enhanced scanning in Amazon ECR": the
		// repository is its ARN, and the counts have a TOTAL.
		counts := numbers(done.counts())
		counts["TOTAL"] = float64(len(done.Findings))
		maps.Copy(detail, map[string]any{"scan-status": "INITIAL_SCAN_COMPLETE", "repository-name": arn, "finding-severity-counts": counts})
		s.runtime().EmitAWS(account, "aws.inspector2", "Inspector2 Scan", []string{arn}, detail)
		return nil
	}
	// See "Amazon ECR events and EventBridge": COMPLETE or FAILED.
	detail["scan-status"] = "COMPLETE"
	if done.Status == "FAILED" {
		detail["scan-status"] = "FAILED"
	}
	s.runtime().EmitAWS(account, "aws.ecr", "ECR Image Scan", []string{arn}, detail)
	return nil
}

// counts leaves out a severity without findings, as ECR does.
func (d *scan) counts() map[string]int {
	if d.Counts != nil {
		return d.Counts
	}
	out := map[string]int{}
	for _, f := range d.Findings {
		out[f.Severity]++
	}
	return out
}

func numbers(counts map[string]int) map[string]any {
	out := map[string]any{}
	for severity, n := range counts {
		out[severity] = float64(n)
	}
	return out
}

// imageID names an image by digest or by tag.
type imageID struct {
	Digest string `json:"imageDigest,omitempty"`
	Tag    string `json:"imageTag,omitempty"`
}

// imagesRequest is what the calls about images send.
type imagesRequest struct {
	RepositoryName string    `json:"repositoryName"`
	ImageID        imageID   `json:"imageId"`
	ImageIDs       []imageID `json:"imageIds"`
	MaxResults     int       `json:"maxResults"`
	NextToken      string    `json:"nextToken"`
}

// onRepository authorises a call about a repository's images and returns the
// repository's ARN.
func (s *Server) onRepository(r *request, action string, in *imagesRequest) (string, error) {
	if err := r.bind(in); err != nil {
		return "", err
	}
	arn := r.own("ecr", "repository/", in.RepositoryName)
	if err := s.authorize(r, action, arn, nil); err != nil {
		return "", err
	}
	if s.cloud.ByARN(arn) == nil {
		return "", fail(http.StatusBadRequest, "RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", in.RepositoryName, r.session.Account)
	}
	return arn, nil
}

// push notes when an image was pushed. ECR gives whole seconds, in which real
// builds never meet: here each push has a second of its own.
func (r *registry) push(image string, now time.Time) {
	if !r.pushed[image].IsZero() {
		return
	}
	now = now.Truncate(time.Second)
	if !now.After(r.last) {
		now = r.last.Add(time.Second)
	}
	r.last, r.pushed[image] = now, now
}

func (s *Server) findImage(r *request, in imagesRequest, id imageID) (*cloud.Resource, error) {
	for _, i := range s.cloud.Images(r.session.Account, in.RepositoryName) {
		if i.Str("imageDigest") == id.Digest || id.Tag != "" && i.Str("imageTag") == id.Tag {
			return i, nil
		}
	}
	return nil, fail(http.StatusBadRequest, "ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s'", id.Digest, id.Tag, in.RepositoryName)
}

// page cuts a list, and returns the token of the next page. Both calls give at
// most 100 results where the caller names no other number.
func page[T any](all []T, in imagesRequest) (some []T, next any, err error) {
	from, size := 0, in.MaxResults
	if in.NextToken != "" {
		if from, err = strconv.Atoi(in.NextToken); err != nil || from > len(all) {
			return nil, nil, fail(http.StatusBadRequest, "InvalidParameterException", "Invalid parameter at 'NextToken'")
		}
	}
	if size == 0 {
		size = 100
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

func (s *Server) describeFindings(r *request) (any, error) {
	var in imagesRequest
	arn, err := s.onRepository(r, "ecr:DescribeImageScanFindings", &in)
	if err != nil {
		return nil, err
	}
	i, err := s.findImage(r, in, in.ImageID)
	if err != nil {
		return nil, err
	}
	digest := i.Str("imageDigest")
	s.mu.Lock()
	done := s.ecr.scans[arn+"@"+digest]
	s.mu.Unlock()
	if done == nil {
		return nil, fail(http.StatusBadRequest, "ScanNotFoundException", "Image scan does not exist for the image with '{imageDigest:'%s'}' in the repository with name '%s'", digest, in.RepositoryName)
	}
	if err := s.inspector(r, done); err != nil {
		return nil, err
	}
	some, next, err := page(done.Findings, in)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"repositoryName": in.RepositoryName, "imageId": imageID{Digest: digest}, "imageScanStatus": map[string]any{"status": done.status()}}
	if next != nil {
		out["nextToken"] = next
	}
	if findings := done.answer(some); findings != nil {
		out["imageScanFindings"] = findings
	}
	return out, nil
}

// inspector asks for what the findings of enhanced scanning need beside ECR's
// own action: see "IAM permissions required for enhanced scanning in Amazon
// ECR", and for the denial github.com/alexjurkiewicz/ecr-scan-image/issues/19.
func (s *Server) inspector(r *request, done *scan) error {
	if !done.enhanced {
		return nil
	}
	for action, resource := range map[string]string{"inspector2:ListCoverage": "/coverage/list", "inspector2:ListFindings": "/findings/list"} {
		if err := s.authorize(r, action, r.arn("inspector2", resource), nil); err != nil {
			return err
		}
	}
	return nil
}

// status is COMPLETE after a basic scan, and ACTIVE while enhanced scanning
// watches the image; see ScanStatus in the ECR API.
func (d *scan) status() string {
	switch {
	case d.Status != "":
		return d.Status
	case d.enhanced:
		return "ACTIVE"
	}
	return "COMPLETE"
}

// answer is imageScanFindings; nil where the scan has not come to an end that
// has any.
func (d *scan) answer(some []Finding) map[string]any {
	if !slices.Contains([]string{"COMPLETE", "ACTIVE"}, d.status()) {
		return nil
	}
	out := map[string]any{}
	if !d.NoCounts {
		out["findingSeverityCounts"] = d.counts()
	}
	if !d.NoTime {
		out["imageScanCompletedAt"] = seconds(d.ended)
		out["vulnerabilitySourceUpdatedAt"] = seconds(d.ended)
	}
	basic, enhanced := []any{}, []any{}
	for _, f := range some {
		basic = append(basic, map[string]any{"name": f.ID, "severity": f.Severity, "uri": "https://alas.aws.amazon.com/cve/html/" + f.ID + ".html",
			"attributes": []any{map[string]any{"key": "package_name", "value": f.Package}, map[string]any{"key": "package_version", "value": f.Version}}})
		vulnerable := []any{}
		for name := range strings.SplitSeq(f.Package, ",") {
			vulnerable = append(vulnerable, map[string]any{"name": name, "version": f.Version})
		}
		enhanced = append(enhanced, map[string]any{"title": f.ID + " - " + f.Package, "severity": f.Severity, "status": "ACTIVE", "type": "PACKAGE_VULNERABILITY",
			"packageVulnerabilityDetails": map[string]any{"vulnerabilityId": f.ID, "vulnerablePackages": vulnerable}})
	}
	if d.enhanced {
		out["enhancedFindings"] = enhanced
	} else {
		out["findings"] = basic
	}
	return out
}

func (s *Server) describeImages(r *request) (any, error) {
	var in imagesRequest
	arn, err := s.onRepository(r, "ecr:DescribeImages", &in)
	if err != nil {
		return nil, err
	}
	all := s.cloud.Images(r.session.Account, in.RepositoryName)
	if len(in.ImageIDs) > 0 {
		all = nil
		for _, id := range in.ImageIDs {
			i, err := s.findImage(r, in, id)
			if err != nil {
				return nil, err
			}
			all = append(all, i)
		}
	}
	some, next, err := page(all, in)
	if err != nil {
		return nil, err
	}
	details := []any{}
	for _, i := range some {
		digest := i.Str("imageDigest")
		d := map[string]any{"imageDigest": digest, "repositoryName": in.RepositoryName, "imagePushedAt": seconds(s.pushedAt(arn, i)), "imageManifestMediaType": s.mediaType(arn, digest)}
		if tag := i.Str("imageTag"); tag != "" {
			d["imageTags"] = []string{tag}
		}
		details = append(details, d)
	}
	out := map[string]any{"imageDetails": details}
	if next != nil {
		out["nextToken"] = next
	}
	return out, nil
}

func (s *Server) mediaType(repository, digest string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ecr.indexes[repository+"@"+digest] {
		return IndexType
	}
	return ManifestType
}

// pushedAt is when an image was pushed, or put there by a test.
func (s *Server) pushedAt(repository string, i *cloud.Resource) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.ecr.pushed[repository+"@"+i.Str("imageDigest")]; !at.IsZero() {
		return at
	}
	return i.Created
}

package awsapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"delivery.internal/lib/rehearsal/cloud"
)

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

// onRepository authorises a call about the images of a repository, which must
// exist.
func (s *Server) onRepository(r *request, action string, in *imagesRequest) error {
	if err := r.bind(in); err != nil {
		return err
	}
	arn := r.own("ecr", "repository/", in.RepositoryName)
	if err := s.authorize(r, action, arn, nil); err != nil {
		return err
	}
	if s.cloud.ByARN(arn) == nil {
		return fail(http.StatusBadRequest, "RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", in.RepositoryName, r.session.Account)
	}
	return nil
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
	if err := s.onRepository(r, "ecr:DescribeImageScanFindings", &in); err != nil {
		return nil, err
	}
	i, err := s.findImage(r, in, in.ImageID)
	if err != nil {
		return nil, err
	}
	digest, done := i.Str("imageDigest"), s.cloud.ScanOf(i)
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
	out := map[string]any{"repositoryName": in.RepositoryName, "imageId": imageID{Digest: digest}, "imageScanStatus": map[string]any{"status": done.State()}}
	if next != nil {
		out["nextToken"] = next
	}
	if findings := findingsJSON(done, some); findings != nil {
		out["imageScanFindings"] = findings
	}
	return out, nil
}

// inspector asks for what the findings of enhanced scanning need beside ECR's
// own action: see "IAM permissions required for enhanced scanning in Amazon
// ECR", and for the denial github.com/alexjurkiewicz/ecr-scan-image/issues/19.
func (s *Server) inspector(r *request, done *cloud.Scan) error {
	if !done.Enhanced {
		return nil
	}
	for action, resource := range map[string]string{"inspector2:ListCoverage": "/coverage/list", "inspector2:ListFindings": "/findings/list"} {
		if err := s.authorize(r, action, r.arn("inspector2", resource), nil); err != nil {
			return err
		}
	}
	return nil
}

// findingsJSON is imageScanFindings; nil where the scan has not come to an end that
// has any.
func findingsJSON(d *cloud.Scan, some []cloud.Finding) map[string]any {
	if !slices.Contains([]string{"COMPLETE", "ACTIVE"}, d.State()) {
		return nil
	}
	out := map[string]any{}
	if !d.NoCounts {
		out["findingSeverityCounts"] = d.SeverityCounts()
	}
	if !d.NoTime {
		out["imageScanCompletedAt"] = seconds(d.Ended)
		out["vulnerabilitySourceUpdatedAt"] = seconds(d.Ended)
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
	if d.Enhanced {
		out["enhancedFindings"] = enhanced
	} else {
		out["findings"] = basic
	}
	return out
}

func (s *Server) describeImages(r *request) (any, error) {
	var in imagesRequest
	if err := s.onRepository(r, "ecr:DescribeImages", &in); err != nil {
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
		d := map[string]any{"imageDigest": digest, "repositoryName": in.RepositoryName, "imagePushedAt": i.Value("imagePushedAt"), "imageManifestMediaType": i.Str("imageManifestMediaType")}
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

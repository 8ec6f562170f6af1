package awsapi

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"delivery/lib/rehearsal/cloud"
)

// registry holds what scans found, by repository ARN and digest. The images
// themselves are in the cloud's table.
type registry struct{ findings map[string]map[string]int }

type image struct {
	digest, tag string
	findings    map[string]int
}

// PushImage puts an image into a repository, whose scan ends at once with the
// given findings by severity, and emits what ECR emits.
func (s *Server) PushImage(account, repository, digest, tag string, findings map[string]int) error {
	arn := "arn:aws:ecr:" + cloud.Region + ":" + account + ":repository/" + repository
	repo := s.cloud.ByARN(arn)
	if repo == nil {
		return fmt.Errorf("RepositoryNotFoundException: repository %s does not exist", repository)
	}
	for _, i := range s.cloud.Images(account, repository) {
		if i.Str("imageTag") == tag && repo.Str("imageTagMutability") == "IMMUTABLE" {
			return fmt.Errorf("ImageTagAlreadyExistsException: the tag %s exists and tags are immutable", tag)
		}
	}
	s.cloud.AddImage(account, repository, digest, tag)
	s.mu.Lock()
	s.ecr.findings[arn+"@"+digest] = maps.Clone(findings)
	s.mu.Unlock()
	if repo.Value("imageScanningConfiguration.scanOnPush") != true {
		return nil
	}
	s.runtime().EmitAWS(account, "aws.ecr", "ECR Image Scan", []string{arn}, map[string]any{
		"scan-status": "COMPLETE", "repository-name": repository, "finding-severity-counts": counts(findings), "image-digest": digest, "image-tags": []any{tag},
	})
	return nil
}

func counts(findings map[string]int) map[string]any {
	out := map[string]any{}
	for severity, n := range findings {
		out[severity] = float64(n)
	}
	return out
}

func (s *Server) findImage(r *request, action string) (arn string, found *image, err error) {
	var in struct {
		RepositoryName string `json:"repositoryName"`
		ImageID        struct {
			Digest string `json:"imageDigest"`
			Tag    string `json:"imageTag"`
		} `json:"imageId"`
		ImageIDs []struct {
			Digest string `json:"imageDigest"`
			Tag    string `json:"imageTag"`
		} `json:"imageIds"`
	}
	if err := r.bind(&in); err != nil {
		return "", nil, err
	}
	arn = r.own("ecr", "repository/", in.RepositoryName)
	if err := s.authorize(r, action, arn, nil); err != nil {
		return "", nil, err
	}
	if s.cloud.ByARN(arn) == nil {
		return "", nil, fail(http.StatusBadRequest, "RepositoryNotFoundException", "The repository with name '%s' does not exist", in.RepositoryName)
	}
	wanted := in.ImageID
	if len(in.ImageIDs) > 0 {
		wanted = in.ImageIDs[0]
	}
	for _, i := range s.cloud.Images(strings.Split(arn, ":")[4], in.RepositoryName) {
		digest, tag := i.Str("imageDigest"), i.Str("imageTag")
		if digest == wanted.Digest || wanted.Tag != "" && tag == wanted.Tag {
			s.mu.Lock()
			defer s.mu.Unlock()
			return arn, &image{digest, tag, s.ecr.findings[arn+"@"+digest]}, nil
		}
	}
	return arn, nil, fail(http.StatusBadRequest, "ImageNotFoundException", "The image with imageId %+v does not exist", wanted)
}

func (s *Server) describeFindings(r *request) (any, error) {
	_, i, err := s.findImage(r, "ecr:DescribeImageScanFindings")
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"imageId":           map[string]any{"imageDigest": i.digest, "imageTag": i.tag},
		"imageScanStatus":   map[string]any{"status": "COMPLETE"},
		"imageScanFindings": map[string]any{"findingSeverityCounts": i.findings, "findings": []any{}},
	}, nil
}

func (s *Server) describeImages(r *request) (any, error) {
	_, i, err := s.findImage(r, "ecr:DescribeImages")
	if err != nil {
		return nil, err
	}
	return map[string]any{"imageDetails": []any{map[string]any{"imageDigest": i.digest, "imageTags": []string{i.tag}}}}, nil
}

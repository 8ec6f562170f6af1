package scangate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"delivery.internal/lib/contract"
)

// ImageAPI is the part of ECR that Repository uses.
type ImageAPI interface {
	DescribeImages(context.Context, *ecr.DescribeImagesInput, ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error)
	DescribeImageScanFindings(context.Context, *ecr.DescribeImageScanFindingsInput, ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error)
}

// Repository is the Registry of an ECR repository.
type Repository struct {
	API  ImageAPI
	Name string
}

// Newer implements Registry.
func (r Repository) Newer(ctx context.Context, digest string) (string, error) {
	var all []ecrtypes.ImageDetail
	pages := ecr.NewDescribeImagesPaginator(r.API, &ecr.DescribeImagesInput{RepositoryName: aws.String(r.Name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		all = append(all, page.ImageDetails...)
	}
	var newest, own *ecrtypes.ImageDetail
	for i := range all {
		image := &all[i]
		if image.ImagePushedAt == nil || image.ImageDigest == nil {
			return "", errors.New("ECR gives an image without digest or time of its push")
		}
		if newest == nil || image.ImagePushedAt.After(*newest.ImagePushedAt) {
			newest = image
		}
		if *image.ImageDigest == digest {
			own = image
		}
	}
	switch {
	case own == nil:
		return "", fmt.Errorf("the repository does not hold %s", digest)
	case newest.ImagePushedAt.After(*own.ImagePushedAt):
		return *newest.ImageDigest, nil
	}
	return "", nil
}

// mostFindings is how many findings a page of DescribeImageScanFindings has at most.
const mostFindings = 1000

// Scan implements Registry.
func (r Repository) Scan(ctx context.Context, digest string) (Scan, error) {
	var scan Scan
	pages := ecr.NewDescribeImageScanFindingsPaginator(r.API, &ecr.DescribeImageScanFindingsInput{
		RepositoryName: aws.String(r.Name),
		ImageId:        &ecrtypes.ImageIdentifier{ImageDigest: aws.String(digest)},
		MaxResults:     aws.Int32(mostFindings),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var unknown *ecrtypes.ScanNotFoundException
		switch {
		case errors.As(err, &unknown):
			return Scan{Status: notScanned}, nil
		case err != nil:
			return Scan{}, err
		case page.ImageScanStatus == nil:
			return Scan{}, errors.New("ECR answered without a scan status")
		}
		scan.Status = string(page.ImageScanStatus.Status)
		if found := page.ImageScanFindings; found != nil {
			// The counts are of all findings, on whatever page they are listed.
			scan.Counts, scan.Ended = found.FindingSeverityCounts, found.ImageScanCompletedAt != nil
			scan.Findings = append(scan.Findings, findings(found)...)
		}
	}
	return scan, nil
}

// findings reads the lists of both kinds of scanning.
func findings(in *ecrtypes.ImageScanFindings) (out []Finding) {
	for _, f := range in.Findings {
		basic := Finding{ID: aws.ToString(f.Name), Severity: string(f.Severity)}
		for _, a := range f.Attributes {
			if aws.ToString(a.Key) == "package_name" {
				basic.Packages = append(basic.Packages, aws.ToString(a.Value))
			}
		}
		out = append(out, basic)
	}
	for _, f := range in.EnhancedFindings {
		enhanced := Finding{ID: aws.ToString(f.Title), Severity: aws.ToString(f.Severity)}
		if d := f.PackageVulnerabilityDetails; d != nil {
			enhanced.ID = aws.ToString(d.VulnerabilityId)
			for _, p := range d.VulnerablePackages {
				enhanced.Packages = append(enhanced.Packages, aws.ToString(p.Name))
			}
		}
		out = append(out, enhanced)
	}
	return out
}

// ParameterAPI is the part of SSM that Parameters uses.
type ParameterAPI interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// Parameters is Records over parameters of SSM, which keep their own history.
type Parameters struct {
	API ParameterAPI
	// Names of the parameters.
	AcceptedFindings, ApprovedImage, Verdict string
}

// Accepted implements Records.
func (p Parameters) Accepted(ctx context.Context) ([]contract.AcceptedFinding, error) {
	out, err := p.API.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(p.AcceptedFindings)})
	if err != nil {
		return nil, err
	}
	var accepted []contract.AcceptedFinding
	if out.Parameter == nil {
		return nil, fmt.Errorf("parameter %s has no value", p.AcceptedFindings)
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &accepted); err != nil {
		return nil, fmt.Errorf("parameter %s is not a list of accepted findings: %w; write it again with: make up PROJECT=shared", p.AcceptedFindings, err)
	}
	return accepted, nil
}

// Approve implements Records.
func (p Parameters) Approve(ctx context.Context, digest string) error {
	return p.put(ctx, p.ApprovedImage, digest)
}

// Publish implements Records.
func (p Parameters) Publish(ctx context.Context, v contract.ImageVerdict) error {
	text, err := fit(v)
	if err != nil {
		return err
	}
	return p.put(ctx, p.Verdict, text)
}

func (p Parameters) put(ctx context.Context, name, value string) error {
	_, err := p.API.PutParameter(ctx, &ssm.PutParameterInput{
		Name:      aws.String(name),
		Value:     aws.String(value),
		Type:      ssmtypes.ParameterTypeString,
		Overwrite: aws.Bool(true),
	})
	return err
}

// fit renders a verdict into what a parameter holds: the longer of its lists
// gives way, and the verdict says how much is missing.
func fit(v contract.ImageVerdict) (string, error) {
	for {
		text, err := json.Marshal(v)
		if err != nil || len(text) <= contract.ParameterBytes {
			return string(text), err
		}
		v.More++
		switch {
		case len(v.Blocking) == 0 && len(v.Accepted) == 0:
			return "", fmt.Errorf("the verdict has %d bytes without its findings: a parameter holds %d", len(text), contract.ParameterBytes)
		case len(v.Accepted) > len(v.Blocking):
			v.Accepted = v.Accepted[:len(v.Accepted)-1]
		default:
			v.Blocking = v.Blocking[:len(v.Blocking)-1]
		}
	}
}

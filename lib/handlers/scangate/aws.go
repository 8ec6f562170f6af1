package scangate

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// ScanAPI is the part of ECR that Repository uses.
type ScanAPI interface {
	DescribeImageScanFindings(context.Context, *ecr.DescribeImageScanFindingsInput, ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error)
}

// Repository is Findings over an ECR repository.
type Repository struct {
	API  ScanAPI
	Name string
}

// Of implements Findings. The counts are of all findings, on whatever page
// they are listed, so that the first page is enough.
func (r Repository) Of(ctx context.Context, digest string) (Scan, error) {
	out, err := r.API.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{
		RepositoryName: aws.String(r.Name),
		ImageId:        &ecrtypes.ImageIdentifier{ImageDigest: aws.String(digest)},
	})
	if err != nil {
		return Scan{}, err
	}
	if out.ImageScanStatus == nil {
		return Scan{}, errors.New("ECR answered without a scan status")
	}
	scan := Scan{Status: string(out.ImageScanStatus.Status)}
	if out.ImageScanFindings != nil {
		scan.Counts = out.ImageScanFindings.FindingSeverityCounts
	} else if scan.Status == string(ecrtypes.ScanStatusComplete) {
		return Scan{}, errors.New("ECR says the scan is complete but gives no findings")
	}
	return scan, nil
}

// ParameterAPI is the part of SSM that Parameter uses.
type ParameterAPI interface {
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// Parameter is Approvals over an SSM parameter, which keeps its own history.
type Parameter struct {
	API  ParameterAPI
	Name string
}

// Approve implements Approvals.
func (p Parameter) Approve(ctx context.Context, digest string) error {
	_, err := p.API.PutParameter(ctx, &ssm.PutParameterInput{
		Name:      aws.String(p.Name),
		Value:     aws.String(digest),
		Type:      ssmtypes.ParameterTypeString,
		Overwrite: aws.Bool(true),
	})
	return err
}

package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"delivery/lib/settings"
)

// Storage looks at buckets.
type Storage interface {
	// Exists says whether a bucket exists and is ours. Only a certain "no" is
	// false; denied access and everything else is an error.
	Exists(ctx context.Context, bucket string) (bool, error)
	// Keys lists the objects whose keys begin with prefix.
	Keys(ctx context.Context, bucket, prefix string) ([]string, error)
}

// S3 is the Storage of an AWS account.
type S3 struct {
	// Env holds credentials and endpoints in the AWS variables; the process's
	// own environment where nil.
	Env []string
}

// Exists implements Storage.
func (s *S3) Exists(ctx context.Context, bucket string) (bool, error) {
	client, err := s.client(ctx)
	if err != nil {
		return false, err
	}
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	var response *smithyhttp.ResponseError
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &response):
		return false, fmt.Errorf("bucket %s can't be looked at: %w", bucket, err)
	}
	switch response.HTTPStatusCode() {
	case http.StatusNotFound:
		return false, nil
	case http.StatusForbidden:
		return false, fmt.Errorf("bucket %s exists but access is denied: it belongs to another account, or these credentials lack s3:ListBucket on it; log in to the delivery account as one of the operators, or choose another suffix", bucket)
	case http.StatusMovedPermanently:
		return false, fmt.Errorf("bucket %s exists in another region than %s: it is not this installation's; choose another suffix", bucket, settings.Region)
	}
	return false, fmt.Errorf("bucket %s can't be looked at: %w", bucket, err)
}

// Keys implements Storage.
func (s *S3) Keys(ctx context.Context, bucket, prefix string) ([]string, error) {
	client, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("bucket %s can't be listed: %w", bucket, err)
		}
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	return keys, nil
}

func (s *S3) client(ctx context.Context) (*s3.Client, error) {
	cfg, err := awsConfig(ctx, s.Env, "S3")
	if err != nil {
		return nil, err
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		// A local endpoint has no host name per bucket.
		o.UsePathStyle = cfg.BaseEndpoint != nil
	}), nil
}

// awsConfig reads the AWS variables of an explicit environment, as a rehearsal
// has it, and none of this process's, which may name a profile or an endpoint.
// Without one it is the SDK's own way to find credentials.
func awsConfig(ctx context.Context, env []string, service string) (aws.Config, error) {
	if env == nil {
		return config.LoadDefaultConfig(ctx, config.WithRegion(settings.Region))
	}
	vars := map[string]string{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	cfg := aws.Config{Region: settings.Region, Credentials: credentials.NewStaticCredentialsProvider(
		vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], vars["AWS_SESSION_TOKEN"])}
	if endpoint := or(vars["AWS_ENDPOINT_URL_"+service], vars["AWS_ENDPOINT_URL"]); endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg, nil
}

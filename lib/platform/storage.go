package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

// Storage looks at buckets.
type Storage interface {
	// Exists says whether a bucket exists and is ours. Only a certain "no" is
	// false; a bucket of somebody else is a *ForeignBucketError, and everything
	// else is an error too.
	Exists(ctx context.Context, bucket string) (bool, error)
	// Keys lists the objects whose keys begin with prefix.
	Keys(ctx context.Context, bucket, prefix string) ([]string, error)
}

// ForeignBucketError says that a bucket exists and is not this installation's.
type ForeignBucketError struct {
	// Bucket is its name.
	Bucket string
	// Reason is how that shows.
	Reason string
}

// Error implements error.
func (e *ForeignBucketError) Error() string {
	return fmt.Sprintf("bucket %s exists but %s", e.Bucket, e.Reason)
}

// bucketStorage is the Storage in S3. Every call names the owner that it
// expects: a bucket of somebody else is never read or written, whatever its
// policy allows.
type bucketStorage struct{ clients *Clients }

// Exists implements Storage.
func (s *bucketStorage) Exists(ctx context.Context, bucket string) (bool, error) {
	client, caller, err := s.clients.s3(ctx)
	if err != nil {
		return false, err
	}
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket, ExpectedBucketOwner: &caller.Account})
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
		return false, &ForeignBucketError{bucket, fmt.Sprintf("access is denied: it belongs to another account than %s, or %s lacks s3:ListBucket on it; log in to the delivery account as one of the operators, or choose another suffix", caller.Account, caller.ARN)}
	case http.StatusMovedPermanently:
		return false, &ForeignBucketError{bucket, fmt.Sprintf("in another region than %s: it is not this installation's; choose another suffix", settings.Region)}
	}
	return false, fmt.Errorf("bucket %s can't be looked at: %w", bucket, err)
}

// Keys implements Storage.
func (s *bucketStorage) Keys(ctx context.Context, bucket, prefix string) ([]string, error) {
	client, caller, err := s.clients.s3(ctx)
	if err != nil {
		return nil, err
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, ExpectedBucketOwner: &caller.Account})
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

// RefuseTakenNames keeps a new installation from getting half made: it looks
// at every bucket name before the first bucket is made, and says in one
// sentence which of them belong to somebody else. An installation that exists
// keeps its suffix, even one of the documents, which else only a rehearsal has.
func RefuseTakenNames(ctx context.Context, storage Storage, suffix string, environments promotion.Environments, rehearsal bool) error {
	exists, err := storage.Exists(ctx, naming.New(naming.Shared, suffix).Of(naming.StateBucket))
	if err == nil && exists {
		return nil
	}
	if err := naming.FreeSuffix(suffix); err != nil && !rehearsal {
		return fmt.Errorf("%w; choose one with: make configure SUFFIX=…", err)
	}
	var taken []string
	for _, bucket := range naming.Buckets(suffix, environments.Names()...) {
		_, err := storage.Exists(ctx, bucket)
		var foreign *ForeignBucketError
		if errors.As(err, &foreign) {
			taken = append(taken, bucket)
		} else if err != nil {
			return err
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return fmt.Errorf("suffix %q can't be used, because bucket names are unique among all accounts of AWS and these exist and are not yours: %s; choose another suffix with: make configure SUFFIX=…", suffix, strings.Join(taken, ", "))
}

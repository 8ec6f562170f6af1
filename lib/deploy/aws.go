package deploy

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventbus"
)

// ObjectsAPI is the part of S3 that the ledger and the state backend use.
type ObjectsAPI interface {
	s3.ListObjectsV2APIClient
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// BucketLedger is the Ledger in an S3 bucket: one object for each commit and
// environment, whose versions are the history.
type BucketLedger struct {
	API    ObjectsAPI
	Bucket string
	// Owner is the account that the bucket must belong to.
	Owner string
}

// Record implements Ledger.
func (l BucketLedger) Record(ctx context.Context, d contract.Deployment) error {
	body, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	_, err = l.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(l.Bucket), ExpectedBucketOwner: aws.String(l.Owner), Key: aws.String(contract.LedgerKey(d.Environment, d.Commit)),
		Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	return err
}

// maxRecord is far more than a record has.
const maxRecord = 1 << 20

// Find implements Ledger.
func (l BucketLedger) Find(ctx context.Context, environment, commit string) (contract.Deployment, bool, error) {
	var d contract.Deployment
	key := contract.LedgerKey(environment, commit)
	out, err := l.API.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(l.Bucket), ExpectedBucketOwner: aws.String(l.Owner), Key: aws.String(key)})
	var missing *s3types.NoSuchKey
	if errors.As(err, &missing) {
		return d, false, nil
	}
	if err != nil {
		// Without s3:ListBucket S3 answers a missing key with AccessDenied:
		// that is a refusal too, so nothing is lost by not telling them apart.
		return d, false, fmt.Errorf("object %s of bucket %s: %w", key, l.Bucket, err)
	}
	defer out.Body.Close()
	if err := json.NewDecoder(io.LimitReader(out.Body, maxRecord)).Decode(&d); err != nil {
		return d, false, fmt.Errorf("object %s of bucket %s is not a record: %w", key, l.Bucket, err)
	}
	return d, true, nil
}

// BucketObjects are the Objects of a state bucket.
type BucketObjects struct {
	API    ObjectsAPI
	Bucket string
	// Owner is the account that the bucket must belong to.
	Owner string
}

// List implements Objects.
func (b BucketObjects) List(ctx context.Context, prefix string) ([]Object, error) {
	var out []Object
	pages := s3.NewListObjectsV2Paginator(b.API, &s3.ListObjectsV2Input{Bucket: aws.String(b.Bucket), ExpectedBucketOwner: aws.String(b.Owner), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("the objects under %s of bucket %s can't be listed: %w", prefix, b.Bucket, err)
		}
		for _, o := range page.Contents {
			out = append(out, Object{Key: aws.ToString(o.Key), Written: aws.ToTime(o.LastModified)})
		}
	}
	return out, nil
}

// Read implements Objects.
func (b BucketObjects) Read(ctx context.Context, key string) ([]byte, error) {
	out, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.Bucket), ExpectedBucketOwner: aws.String(b.Owner), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("object %s of bucket %s can't be read: %w", key, b.Bucket, err)
	}
	defer out.Body.Close()
	return io.ReadAll(io.LimitReader(out.Body, maxRecord))
}

// Remove implements Objects.
func (b BucketObjects) Remove(ctx context.Context, key string) error {
	_, err := b.API.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(b.Bucket), ExpectedBucketOwner: aws.String(b.Owner), Key: aws.String(key)})
	return err
}

// KeysAPI is the part of KMS that DataKeys uses.
type KeysAPI interface {
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// DataKeys opens the data keys of stacks, which the environment's key encrypts.
type DataKeys struct {
	API KeysAPI
}

// DataKey implements Keys. The URL of the secrets provider names the key and,
// as context_NAME, what the data key was bound to.
func (k DataKeys) DataKey(ctx context.Context, s Secrets) ([]byte, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(s.EncryptedKey)
	if err != nil {
		return nil, err
	}
	bound := map[string]string{}
	for name, values := range u.Query() {
		if name, isContext := strings.CutPrefix(name, "context_"); isContext {
			bound[name] = values[0]
		}
	}
	out, err := k.API.Decrypt(ctx, &kms.DecryptInput{
		CiphertextBlob: sealed, EncryptionContext: bound, KeyId: aws.String(strings.TrimPrefix(u.Path, "/")),
	})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// EventBus is the Bus over an EventBridge event bus.
type EventBus struct {
	API  eventbus.API
	Name string
}

// Publish implements Bus.
func (b EventBus) Publish(ctx context.Context, d contract.Deployment) error {
	detail, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return eventbus.Put(ctx, b.API, b.Name, eventbus.Event{
		Source: contract.DeploymentSource(d.Environment), DetailType: contract.DeploymentDetailType, Detail: detail,
	})
}

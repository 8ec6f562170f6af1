package deploy

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"delivery/lib/delivery"
)

// owners keeps which owner each call expects. It fails every call.
type owners struct{ expected map[string]string }

func (o *owners) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	o.expected["GetObject"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

func (o *owners) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	o.expected["PutObject"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

func (o *owners) DeleteObject(_ context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	o.expected["DeleteObject"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

func (o *owners) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	o.expected["ListObjectsV2"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

// TestTheDeployerExpectsItsBucketsToBelongToTheDeliveryAccount: a bucket that
// was removed and made again by a stranger must not get a record.
func TestTheDeployerExpectsItsBucketsToBelongToTheDeliveryAccount(t *testing.T) {
	t.Parallel()
	o := &owners{expected: map[string]string{}}
	account := Settings{SecretsKey: testKey}.DeliveryAccount()
	ledger, objects := BucketLedger{API: o, Bucket: ledgerBucket, Owner: account}, BucketObjects{API: o, Bucket: stateBucket, Owner: account}
	require.Error(t, ledger.Record(t.Context(), delivery.Deployment{}))
	_, _, err := ledger.Find(t.Context(), "dev", "commit")
	require.Error(t, err)
	require.Error(t, objects.Remove(t.Context(), "key"))
	_, err = objects.Read(t.Context(), "key")
	require.Error(t, err)
	_, err = objects.List(t.Context(), "prefix/")
	require.Error(t, err)
	require.Equal(t, map[string]string{"GetObject": "111122223333", "PutObject": "111122223333", "DeleteObject": "111122223333", "ListObjectsV2": "111122223333"}, o.expected)
}

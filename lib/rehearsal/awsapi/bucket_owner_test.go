package awsapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/rehearsal/cloud"
)

func status(t *testing.T, err error) int {
	t.Helper()
	var response *awshttp.ResponseError
	require.ErrorAs(t, err, &response)
	return response.HTTPStatusCode()
}

// calls are one call of every sort, with an expected owner.
func calls(c *s3.Client, bucket string, owner *string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"HeadBucket": func(ctx context.Context) error {
			_, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket, ExpectedBucketOwner: owner})
			return err
		},
		"ListObjectsV2": func(ctx context.Context) error {
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, ExpectedBucketOwner: owner})
			return err
		},
		"PutObject": func(ctx context.Context) error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("x"), ExpectedBucketOwner: owner})
			return err
		},
		"DeleteObject": func(ctx context.Context) error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("k"), ExpectedBucketOwner: owner})
			return err
		},
	}
}

func TestTheBucketMustBelongToTheExpectedOwner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.s3(b.cloud.Operator(account))
	for name, owner := range map[string]struct {
		id     *string
		status int
	}{
		"nobody expected":   {nil, 0},
		"the owner":         {aws.String(account), 0},
		"another account":   {aws.String(cloud.DevAccount), http.StatusForbidden},
		"no account at all": {aws.String("acme"), http.StatusBadRequest},
		"nothing":           {aws.String(""), http.StatusBadRequest},
	} {
		for operation, call := range calls(c, bucket, owner.id) {
			err := call(t.Context())
			if owner.status == 0 {
				require.NoError(t, err, "%s, %s", name, operation)
				continue
			}
			require.Error(t, err, "%s, %s", name, operation)
			require.Equal(t, owner.status, status(t, err), "%s, %s", name, operation)
		}
	}
}

func TestTheSourceOfACopyHasAnExpectedOwnerToo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.s3(b.cloud.Operator(account))
	require.NoError(t, b.cloud.Objects.Put(bucket, "from", []byte("x")))
	for owner, want := range map[string]int{account: 0, cloud.DevAccount: http.StatusForbidden} {
		_, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("to"), CopySource: aws.String(bucket + "/from"), ExpectedSourceBucketOwner: &owner})
		if want == 0 {
			require.NoError(t, err)
		} else {
			require.Equal(t, want, status(t, err))
		}
	}
}

func TestABucketOfAStrangerIsClosedToEverybodyHere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.NoError(t, b.cloud.TakeBucket("taken"))
	c := b.s3(b.cloud.Operator(account))
	for _, owner := range []*string{nil, aws.String(account)} {
		for operation, call := range calls(c, "taken", owner) {
			require.Equal(t, http.StatusForbidden, status(t, call(t.Context())), operation)
		}
	}
	_, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("nowhere"), ExpectedBucketOwner: aws.String(account)})
	require.Equal(t, http.StatusNotFound, status(t, err), "who expects an owner learns of a missing bucket as everybody does")
	b.cloud.LeaveBucket("taken")
	_, err = c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("taken")})
	require.Equal(t, http.StatusNotFound, status(t, err))
}

// A policy can open a stranger's bucket to everybody: then only the expected
// owner keeps our state out of it.
func TestAnOpenBucketOfAStrangerIsCaughtByTheExpectedOwnerAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.NoError(t, b.cloud.OpenBucket("open"))
	c := b.s3(b.cloud.Operator(account))
	for operation, call := range calls(c, "open", nil) {
		require.NoError(t, call(t.Context()), operation)
	}
	for operation, call := range calls(c, "open", aws.String(account)) {
		require.Equal(t, http.StatusForbidden, status(t, call(t.Context())), operation)
	}
}

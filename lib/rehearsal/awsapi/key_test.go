package awsapi

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

func TestAKeyIsFoundAsKMSFindsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.add(typetoken.KeyAlias, "alias/k", "arn:aws:kms:us-east-1:"+account+":alias/k", "alias/k", map[string]any{"targetKeyId": "k1"})
	describe := func(id string) error {
		_, err := kms.NewFromConfig(b.config(b.cloud.Operator(account))).DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &id})
		return err
	}
	for _, id := range []string{"k1", keyARN, "alias/k", "arn:aws:kms:us-east-1:" + account + ":alias/k"} {
		require.NoError(t, describe(id), id)
	}
	for _, id := range []string{"key/k1", "k2", "alias/none", "arn:aws:sqs:us-east-1:" + account + ":key/k1", "arn:aws:kms:eu-west-1:" + account + ":key/k1", "arn:aws:kms:us-east-1:123456789012:alias/k"} {
		require.Equal(t, "NotFoundException", code(t, describe(id)), id)
	}
}

func TestAnObjectsOwnKeyIsTheOneThatIsUsed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const second = "arn:aws:kms:us-east-1:" + account + ":key/k2"
	b.add(typetoken.Key, "k2", second, "", map[string]any{"policy": statement(`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"`)})
	writer := b.s3(b.role("writer", policy(objects, useKey)))
	put := func(change func(*s3.PutObjectInput)) error {
		in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("ours/x"), Body: strings.NewReader("x")}
		change(in)
		_, err := writer.PutObject(context.Background(), in)
		return err
	}
	require.NoError(t, put(func(*s3.PutObjectInput) {}))
	require.ErrorContains(t, put(func(in *s3.PutObjectInput) {
		in.ServerSideEncryption, in.SSEKMSKeyId = s3types.ServerSideEncryptionAwsKms, aws.String(second)
	}), "kms:GenerateDataKey", "the writer may use the bucket's key alone")
}

func TestABucketsKeyMayBeGivenByItsAlias(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.add(typetoken.KeyAlias, "alias/k", "arn:aws:kms:us-east-1:"+account+":alias/k", "alias/k", map[string]any{"targetKeyId": "k1"})
	b.add(typetoken.Bucket, "aliased", "arn:aws:s3:::aliased", "aliased", nil)
	b.add(typetoken.BucketEncryption, "aliased", "", "", map[string]any{"bucket": "aliased", "rules": []any{map[string]any{
		"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "alias/k"},
	}}})
	put := &s3.PutObjectInput{Bucket: aws.String("aliased"), Key: aws.String("x"), Body: strings.NewReader("x")}
	_, err := b.s3(b.cloud.Operator(account)).PutObject(t.Context(), put)
	require.NoError(t, err)
}

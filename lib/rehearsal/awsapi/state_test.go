package awsapi

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestAParameterThatIsMadeAgainBeginsWithVersionOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, name := ssm.NewFromConfig(b.config(b.cloud.Operator(account))), aws.String("approved")
	arn := "arn:aws:ssm:us-east-1:" + account + ":parameter/approved"
	read := func() (string, int64) {
		got, err := c.GetParameter(t.Context(), &ssm.GetParameterInput{Name: name})
		require.NoError(t, err)
		return *got.Parameter.Value, got.Parameter.Version
	}
	b.add(typetoken.Parameter, "approved", arn, "approved", map[string]any{"value": "none", "type": "String", "version": 1.0})
	for want := int64(2); want < 4; want++ {
		put, err := c.PutParameter(t.Context(), &ssm.PutParameterInput{Name: name, Value: aws.String("sha256:1"), Overwrite: aws.Bool(true)})
		require.NoError(t, err)
		require.Equal(t, want, put.Version)
		value, version := read()
		require.Equal(t, "sha256:1", value)
		require.Equal(t, want, version)
	}
	require.True(t, b.cloud.Remove(account, typetoken.Parameter, "approved"))
	b.add(typetoken.Parameter, "approved", arn, "approved", map[string]any{"value": "none", "type": "String", "version": 1.0})
	value, version := read()
	require.Equal(t, "none", value)
	require.EqualValues(t, 1, version)
}

func TestASecretAnswersWithItsNewestVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	arn := "arn:aws:secretsmanager:us-east-1:" + account + ":secret:hook-abc"
	read := func() (string, error) {
		got, err := secretsmanager.NewFromConfig(b.config(b.cloud.Operator(account))).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn})
		if err != nil {
			return "", err
		}
		return *got.SecretString, nil
	}
	b.add(typetoken.Secret, arn, arn, "hook", nil)
	for _, value := range []string{"old", "new"} {
		b.cloud.SecretVersions(b.cloud.ByARN(arn)).Put(cloud.SecretVersion{ID: value, Text: value})
		got, err := read()
		require.NoError(t, err)
		require.Equal(t, value, got)
	}
	require.True(t, b.cloud.Remove(account, typetoken.Secret, arn))
	b.add(typetoken.Secret, arn, arn, "hook", nil)
	_, err := read()
	require.Equal(t, "ResourceNotFoundException", code(t, err))
}

func TestABucketThatIsMadeAgainAnswersWithNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.s3(b.cloud.Operator(account))
	list := func() (*s3.ListObjectsV2Output, error) {
		return c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	}
	require.NoError(t, b.cloud.Objects.Put(bucket, "k", []byte("x")))
	found, err := list()
	require.NoError(t, err)
	require.Len(t, found.Contents, 1)
	require.True(t, b.cloud.Remove(account, typetoken.Bucket, bucket))
	_, err = list()
	require.Equal(t, "NoSuchBucket", code(t, err))
	b.add(typetoken.Bucket, bucket, "arn:aws:s3:::"+bucket, bucket, nil)
	found, err = list()
	require.NoError(t, err)
	require.Empty(t, found.Contents)
}

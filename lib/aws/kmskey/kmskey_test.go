package kmskey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/kmskey"
)

const prefix = "arn:aws:kms:us-east-1:111122223333:"

func TestAKeyIsNamedInFourWays(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]kmskey.Reference{
		"k1":                    {ID: "k1"},
		"mrk-1":                 {ID: "mrk-1"},
		"alias/k":               {Alias: "alias/k"},
		"alias/a/b":             {Alias: "alias/a/b"},
		prefix + "key/k1":       {Region: "us-east-1", Account: "111122223333", ID: "k1"},
		prefix + "alias/k":      {Region: "us-east-1", Account: "111122223333", Alias: "alias/k"},
		prefix + "alias/aws/s3": {Region: "us-east-1", Account: "111122223333", Alias: "alias/aws/s3"},
	} {
		got, err := kmskey.Parse(ref)
		require.NoError(t, err, ref)
		require.Equal(t, want, got)
	}
}

func TestWhatNamesNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{
		"", "alias/", "key/k1", "a/b", "a:b", "my/alias/aws/s3", "arn:aws:kms", prefix + "k1", prefix + "key/", prefix + "alias/",
		"arn:aws:s3:us-east-1:111122223333:key/k1", "arn:aws:kms::111122223333:key/k1", "arn:aws:kms:us-east-1::key/k1", "arn:other:kms:us-east-1:111122223333:key/k1",
	} {
		_, err := kmskey.Parse(ref)
		require.ErrorContains(t, err, "NotFoundException", ref)
	}
}

func TestOnlyAnARNLeadsToAnotherAccount(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]string{
		"k1":              "arn:aws:kms:eu-west-1:123456789012:key/k1",
		"alias/k":         "arn:aws:kms:eu-west-1:123456789012:alias/k",
		prefix + "key/k1": prefix + "key/k1",
	} {
		got, err := kmskey.Parse(ref)
		require.NoError(t, err)
		require.Equal(t, want, got.ARN("eu-west-1", "123456789012"))
	}
}

func TestKeysOfAWSAreKnownByTheBeginningOfTheirAlias(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]bool{"alias/aws/s3": true, prefix + "alias/aws/s3": true, "alias/team/alias/aws/s3": false, "alias/aws": false, "k1": false} {
		got, err := kmskey.Parse(ref)
		require.NoError(t, err)
		require.Equal(t, want, got.Managed(), ref)
	}
}

package sse_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/sse"
)

func TestAWriteMaySayHowItIsEncrypted(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	bucket := sse.Encryption{Key: "k1", BucketKey: true}
	for name, tt := range map[string]struct {
		own  sse.Own
		want sse.Encryption
	}{
		"nothing":                 {sse.Own{}, bucket},
		"a key":                   {sse.Own{Algorithm: "aws:kms", Key: "k2"}, sse.Encryption{Key: "k2", BucketKey: true}},
		"a key and no bucket key": {sse.Own{Key: "k2", BucketKey: &no}, sse.Encryption{Key: "k2"}},
		"no bucket key":           {sse.Own{BucketKey: &no}, sse.Encryption{Key: "k1"}},
		"a bucket key":            {sse.Own{BucketKey: &yes}, bucket},
		"KMS without a key":       {sse.Own{Algorithm: "aws:kms"}, sse.Encryption{Key: sse.ManagedKey, BucketKey: true}},
		"no KMS":                  {sse.Own{Algorithm: "AES256"}, sse.Encryption{}},
	} {
		require.Equal(t, tt.want, bucket.With(tt.own), name)
	}
}

func TestTheContextIsTheObjectsOrTheBuckets(t *testing.T) {
	t.Parallel()
	about := func(e sse.Encryption) string {
		return e.Context("us-east-1", "111122223333", "b", "k")["kms:EncryptionContext:aws:s3:arn"][0]
	}
	require.Equal(t, "arn:aws:s3:::b/k", about(sse.Encryption{Key: "k1"}))
	require.Equal(t, "arn:aws:s3:::b", about(sse.Encryption{Key: "k1", BucketKey: true}))
}

package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestAKeyOfAnotherAccountIsNamedByItsARN(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.with(l.c.Operator(cloud.DevAccount))
	far := other.make(typetoken.Key, map[string]any{})
	other.make(typetoken.KeyAlias, map[string]any{"name": "alias/far", "targetKeyId": far.ID})
	for name, ref := range map[string]string{
		"id":                        far.ID,
		"alias":                     "alias/far",
		"an alias that is not":      "alias/none",
		"almost a key of AWS":       "team/alias/aws/sqs",
		"a path":                    "key/" + far.ID,
		"an ARN of no key":          "arn:aws:sqs:us-east-1:" + cloud.DevAccount + ":key/" + far.ID,
		"an ARN of elsewhere":       "arn:aws:kms:eu-west-1:" + cloud.DevAccount + ":key/" + far.ID,
		"an ARN that is not an ARN": "arn:aws:kms",
	} {
		_, err := l.try(typetoken.Queue, map[string]any{"name": "q", "kmsMasterKeyId": ref})
		require.ErrorContains(t, err, "NotFoundException", name)
	}
	for i, ref := range []string{far.ARN, "arn:aws:kms:us-east-1:" + cloud.DevAccount + ":alias/far", "alias/aws/sqs"} {
		_, err := l.try(typetoken.Queue, map[string]any{"name": "q" + string(rune('a'+i)), "kmsMasterKeyId": ref})
		require.NoError(t, err, ref)
	}
}

func TestADisabledKeyEncryptsNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := l.make(typetoken.Key, map[string]any{"isEnabled": false})
	_, err := l.try(typetoken.Queue, map[string]any{"name": "q", "kmsMasterKeyId": key.ARN})
	require.ErrorContains(t, err, "DisabledException")
}

func TestAnObjectTakesTheBucketsKeyWhateverItsName(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.bucket("files")
	s3 := map[string]any{"StringEquals": map[string]any{"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::files"}}
	allow := labAllow(map[string]any{"AWS": "*"}, "*", "kms:GenerateDataKey")
	allow["Condition"] = s3
	key := l.key(allow)
	l.make(typetoken.BucketEncryption, map[string]any{"bucket": "files", "rules": []any{map[string]any{
		"bucketKeyEnabled": true, "applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key.ARN},
	}}})
	put := func(name string, more map[string]any) error {
		_, err := l.try(typetoken.Object, changed(map[string]any{"bucket": "files", "key": name, "content": "x"}, more))
		return err
	}
	require.NoError(t, put("a", nil))
	require.NoError(t, put("b", map[string]any{"kmsKeyId": key.ARN}), "the bucket key is the bucket's setting where the object has none")
	require.ErrorContains(t, put("c", map[string]any{"kmsKeyId": key.ARN, "bucketKeyEnabled": false}), "kms:GenerateDataKey")
	require.NoError(t, put("d", map[string]any{"serverSideEncryption": "AES256"}))
}

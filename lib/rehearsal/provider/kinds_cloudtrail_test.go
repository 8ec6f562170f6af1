package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

const labTrailARN = "arn:aws:cloudtrail:us-east-1:" + labAccount + ":trail/audit-trail"

// labTrailKey allows CloudTrail an action under what the statement must meet.
func labTrailKey(action string, equals map[string]any) map[string]any {
	s := labAllow(service(cloudTrail), "*", action)
	s["Condition"] = map[string]any{"StringEquals": equals}
	return s
}

// TestATrailNeedsItsKeyAsItsBucketUsesIt plays the sections of "Configure AWS
// KMS key policies for CloudTrail" against buckets with and without a bucket
// key.
func TestATrailNeedsItsKeyAsItsBucketUsesIt(t *testing.T) {
	t.Parallel()
	own := map[string]any{"aws:SourceArn": labTrailARN}
	describe := labTrailKey("kms:DescribeKey", own)
	decrypt := labTrailKey("kms:Decrypt", own)
	encryptFor := func(key, value string) map[string]any {
		return labTrailKey("kms:GenerateDataKey", map[string]any{"aws:SourceArn": labTrailARN, key: value})
	}
	forTrail := encryptFor("kms:EncryptionContext:aws:cloudtrail:arn", labTrailARN)
	forBucket := encryptFor("kms:EncryptionContext:aws:s3:arn", "arn:aws:s3:::audit")
	for name, c := range map[string]struct {
		bucketKey bool
		policy    []map[string]any
		missing   string
	}{
		"without a bucket key":               {false, []map[string]any{describe, forTrail}, ""},
		"without a bucket key, for a bucket": {false, []map[string]any{describe, forBucket}, "kms:GenerateDataKey"},
		"a bucket key, no Decrypt":           {true, []map[string]any{describe, forBucket}, "kms:Decrypt"},
		"a bucket key, for a trail":          {true, []map[string]any{describe, decrypt, forTrail}, "kms:GenerateDataKey"},
		"a bucket key":                       {true, []map[string]any{describe, decrypt, forBucket}, ""},
		"nothing to describe it":             {false, []map[string]any{forTrail}, "kms:DescribeKey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			trail := service(cloudTrail)
			l.bucket("audit", labAllow(trail, "arn:aws:s3:::audit", "s3:GetBucketAcl"), labAllow(trail, "arn:aws:s3:::audit/AWSLogs/111122223333/*", "s3:PutObject"))
			key := l.key(c.policy...)
			l.make(typetoken.BucketEncryption, map[string]any{"bucket": "audit", "rules": []any{map[string]any{
				"bucketKeyEnabled":                   c.bucketKey,
				"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key.ARN},
			}}})
			inputs := map[string]any{"name": "audit-trail", "s3BucketName": "audit", "kmsKeyId": key.ARN}
			_, err := l.try(typetoken.Trail, inputs)
			if c.missing == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "InsufficientEncryptionPolicyException")
			require.ErrorContains(t, err, "perform: "+c.missing)
		})
	}
}

// TestATrailIsHeldToItsKeyWhenItIsChanged: "to create or update a trail".
func TestATrailIsHeldToItsKeyWhenItIsChanged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	trail := service(cloudTrail)
	l.bucket("audit", labAllow(trail, "arn:aws:s3:::audit", "s3:GetBucketAcl"), labAllow(trail, "arn:aws:s3:::audit/AWSLogs/111122223333/*", "s3:PutObject"))
	key := l.key(labAllow(trail, "*", "kms:GenerateDataKey", "kms:DescribeKey"))
	inputs := map[string]any{"name": "audit-trail", "s3BucketName": "audit", "kmsKeyId": key.ARN}
	made := l.make(typetoken.Trail, inputs)
	l.make(typetoken.BucketEncryption, map[string]any{"bucket": "audit", "rules": []any{map[string]any{"bucketKeyEnabled": true}}})
	_, err := l.update(made, changed(inputs, map[string]any{"enableLogFileValidation": true}))
	require.ErrorContains(t, err, "perform: kms:Decrypt")
}

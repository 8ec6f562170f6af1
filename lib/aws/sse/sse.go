// Package sse is how S3 encrypts objects with KMS keys, and what it asks of KMS
// in the caller's name.
package sse

import (
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "The encryption context aws:s3:arn is the object's ARN, and the bucket's where a bucket key is used.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html",
		Enforced: "Encryption.Context",
	},
	{
		Rule:     "A write may name a key and a bucket key of its own; what it leaves out is the bucket's default.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/configuring-bucket-key-object.html",
		Enforced: "Encryption.With",
	},
	{
		Rule:     "A write that asks for aws:kms without a key is encrypted with the key aws/s3, and not with the bucket's.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
		Enforced: "Encryption.With",
	},
	{
		Rule:     "Reading takes kms:Decrypt and writing kms:GenerateDataKey, by the caller and through S3 (kms:ViaService).",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
		Enforced: "Encryption.Context, rehearsal/cloud.UseObjectKey",
	},
}

// ManagedKey is the alias of the key that S3 uses where a write asks for KMS
// and names no key.
const ManagedKey = "alias/aws/s3"

// Encryption is how an object is encrypted.
type Encryption struct {
	// Key is the KMS key, "" where KMS has no part in it.
	Key string
	// BucketKey says that S3 makes a key for the bucket, and the objects' from it.
	BucketKey bool
}

// Own is what a write says itself; empty and nil where it says nothing.
type Own struct {
	// Algorithm is AES256, aws:kms or aws:kms:dsse.
	Algorithm, Key string
	BucketKey      *bool
}

// With is the encryption of an object whose write says something itself.
func (e Encryption) With(own Own) Encryption {
	switch {
	case own.Key != "":
		e.Key = own.Key
	case own.Algorithm == "AES256":
		return Encryption{}
	case own.Algorithm != "":
		e.Key = ManagedKey
	}
	if own.BucketKey != nil {
		e.BucketKey = *own.BucketKey
	}
	return e
}

// Context are the condition keys of S3's call to KMS for an object.
func (e Encryption) Context(region, account, bucket, key string) map[string][]string {
	about := arns.Object(bucket, key)
	if e.BucketKey {
		about = arns.Bucket(bucket)
	}
	return map[string][]string{
		"kms:ViaService":                   {"s3." + region + ".amazonaws.com"},
		"kms:CallerAccount":                {account},
		"kms:EncryptionContext:aws:s3:arn": {about},
		"kms:EncryptionContextKeys":        {"aws:s3:arn"},
	}
}

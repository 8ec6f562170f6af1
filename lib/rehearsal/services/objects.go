package services

import (
	"errors"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/sse"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// putObject writes an object in somebody's name, encrypted with the artifact's
// key or the bucket's.
func (r *Emulator) putObject(session *cloud.Session, at Artifact, data []byte, actions ...string) error {
	context := map[string][]string{"s3:x-amz-acl": {"bucket-owner-full-control"}}
	if at.KMSKey != "" {
		context["s3:x-amz-server-side-encryption"] = []string{"aws:kms"}
		context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = []string{at.KMSKey}
	}
	if err := r.authorizeObject(session, at, context, actions); err != nil {
		return err
	}
	if err := r.cloud.UseObjectKey(session, "kms:GenerateDataKey", at.Bucket, at.Key, sse.Own{Key: at.KMSKey}); err != nil {
		return err
	}
	return r.cloud.Objects.Put(at.Bucket, at.Key, data)
}

// getObject reads an object in somebody's name.
func (r *Emulator) getObject(session *cloud.Session, at Artifact, actions ...string) ([]byte, error) {
	if err := r.authorizeObject(session, at, nil, actions); err != nil {
		return nil, err
	}
	if err := r.cloud.UseObjectKey(session, "kms:Decrypt", at.Bucket, at.Key, sse.Own{Key: at.KMSKey}); err != nil {
		return nil, err
	}
	return r.cloud.Objects.Get(at.Bucket, at.Key)
}

func (r *Emulator) authorizeObject(session *cloud.Session, at Artifact, context map[string][]string, actions []string) error {
	if r.cloud.Objects == nil {
		return errors.New("the local cloud has no object store: make the API server first")
	}
	if r.cloud.First("", typetoken.Bucket, func(b *cloud.Resource) bool { return b.Name == at.Bucket }) == nil {
		return fail("NoSuchBucket", "the bucket %s does not exist", at.Bucket)
	}
	for _, action := range actions {
		if err := r.cloud.Authorize(cloud.Call{Session: session, Action: action, Resource: at.arn(), Context: context}); err != nil {
			return err
		}
	}
	return nil
}

func (a Artifact) arn() string { return arns.Object(a.Bucket, a.Key) }

package cloud

import (
	"fmt"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
)

// StrangerAccount is somebody who has nothing to do with the rehearsal: bucket
// names are unique among all accounts of AWS, so anybody may hold one. See
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
const StrangerAccount = "998877665544"

// TakeBucket lets a stranger own a bucket of this name, closed to everybody
// else, as a bucket is by default. It is a fault: see LeaveBucket.
func (c *Cloud) TakeBucket(name string) error {
	if c.bucket(name) != nil {
		return fmt.Errorf("bucket %s exists already", name)
	}
	return c.Add(&Resource{
		Type: typetoken.Bucket, ID: name, Name: name, ARN: arns.Bucket(name), Account: StrangerAccount, Seed: true,
		Inputs: map[string]any{"bucket": name}, Outputs: map[string]any{},
	})
}

// OpenBucket is TakeBucket with a policy that lets everybody read and write:
// the trap for a program that takes any bucket of the right name for its own.
func (c *Cloud) OpenBucket(name string) error {
	if err := c.TakeBucket(name); err != nil {
		return err
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":[%q,%q]}]}`, arns.Bucket(name), arns.Object(name, "*"))
	return c.Add(&Resource{
		Type: typetoken.BucketPolicy, ID: name, Account: StrangerAccount, Seed: true,
		Inputs: map[string]any{"bucket": name, "policy": policy}, Outputs: map[string]any{},
	})
}

// LeaveBucket ends what TakeBucket or OpenBucket began.
func (c *Cloud) LeaveBucket(name string) {
	c.Remove(StrangerAccount, typetoken.BucketPolicy, name)
	c.Remove(StrangerAccount, typetoken.Bucket, name)
}

// bucket returns the bucket of a name in whatever account, nil where there is
// none.
func (c *Cloud) bucket(name string) *Resource {
	return c.First("", typetoken.Bucket, func(r *Resource) bool { return r.Name == name })
}

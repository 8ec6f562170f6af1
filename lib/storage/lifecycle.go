package storage

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// incompleteUploadDays is the age at which an unfinished upload goes, from every
// bucket.
const incompleteUploadDays = 7

// Lifecycle says what S3 deletes by itself. A zero number of days leaves that
// part out; at least one part must be given.
type Lifecycle struct {
	// NoncurrentDays is the age, in days since it was replaced, at which an
	// old version goes.
	NoncurrentDays int
	// NewestNoncurrent is how many old versions stay whatever their age.
	NewestNoncurrent int
	// IncompleteUploadDays is the age at which an unfinished upload goes.
	IncompleteUploadDays int
	// CurrentDays is the age at which an object itself goes.
	CurrentDays int
	// CurrentPrefix limits CurrentDays to keys that begin with it.
	CurrentPrefix string
}

func (l Lifecycle) validate(name string) error {
	for _, n := range []int{l.NoncurrentDays, l.NewestNoncurrent, l.IncompleteUploadDays, l.CurrentDays} {
		if n < 0 {
			return fmt.Errorf("bucket %s: lifecycle number %d is negative: expected 0 (off) or more", name, n)
		}
	}
	switch {
	case l.NoncurrentDays == 0 && l.IncompleteUploadDays == 0 && l.CurrentDays == 0:
		return fmt.Errorf("bucket %s has no lifecycle: set at least IncompleteUploadDays", name)
	case l.NewestNoncurrent > 100: // PutBucketLifecycleConfiguration
		return fmt.Errorf("bucket %s keeps %d old versions: S3 accepts at most 100", name, l.NewestNoncurrent)
	case l.NewestNoncurrent > 0 && l.NoncurrentDays == 0:
		return fmt.Errorf("bucket %s keeps %d old versions of none that expire: set NoncurrentDays", name, l.NewestNoncurrent)
	case l.CurrentPrefix != "" && l.CurrentDays == 0:
		return fmt.Errorf("bucket %s has a lifecycle prefix but no age for it: set CurrentDays", name)
	}
	return nil
}

// rules gives each part a rule of its own, so that each can be read and
// changed alone.
func (l Lifecycle) rules() s3.BucketLifecycleConfigurationV2RuleArray {
	everything := s3.BucketLifecycleConfigurationV2RuleFilterArgs{}
	var rules s3.BucketLifecycleConfigurationV2RuleArray
	add := func(rule s3.BucketLifecycleConfigurationV2RuleArgs) {
		rule.Status = pulumi.String("Enabled")
		rules = append(rules, rule)
	}
	if l.NoncurrentDays > 0 {
		old := s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{NoncurrentDays: pulumi.Int(l.NoncurrentDays)}
		if l.NewestNoncurrent > 0 {
			old.NewerNoncurrentVersions = pulumi.IntPtr(l.NewestNoncurrent)
		}
		add(s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("expire-old-versions"), Filter: everything, NoncurrentVersionExpiration: old,
		})
	}
	if l.IncompleteUploadDays > 0 {
		add(s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("abort-incomplete-uploads"), Filter: everything,
			AbortIncompleteMultipartUpload: s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{
				DaysAfterInitiation: pulumi.IntPtr(l.IncompleteUploadDays),
			},
		})
	}
	if l.CurrentDays > 0 {
		filter := everything
		if l.CurrentPrefix != "" {
			filter.Prefix = pulumi.StringPtr(l.CurrentPrefix)
		}
		add(s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("expire-objects"), Filter: filter,
			Expiration: s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.IntPtr(l.CurrentDays)},
		})
	}
	return rules
}

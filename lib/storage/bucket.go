package storage

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// BucketArgs describe a bucket.
type BucketArgs struct {
	// Names and Kind give the physical name.
	Names naming.Namer
	Kind  naming.Kind
	// KeyARN is the KMS key that encrypts every object.
	KeyARN pulumi.StringInput
	// NoBucketKey has S3 ask KMS for each object, with the object as the
	// encryption context: for writers whose key policy counts on that.
	NoBucketKey bool
	// Expire says what S3 deletes by itself.
	Expire Lifecycle
	// Statements are added to the bucket policy, after the TLS-only one.
	Statements []iampolicy.Statement
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// Bucket is a bucket with everything that guards it.
type Bucket struct {
	pulumi.ResourceState

	// Name is the physical name.
	Name pulumi.StringOutput
	// ARN is the ARN.
	ARN pulumi.StringOutput
	// Ready are the resources that must exist before anybody writes to the
	// bucket: give them to pulumi.DependsOn.
	Ready []pulumi.Resource
}

// namePattern is S3's rule for general purpose buckets without dots, which
// would break TLS host names.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

func (a *BucketArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("bucket %s has no arguments", name)
	}
	var errs []error
	if bucket := a.Names.Of(a.Kind); !namePattern.MatchString(bucket) {
		errs = append(errs, fmt.Errorf("bucket %s: %q is not a bucket name: expected 3 to 63 lower-case letters, digits and hyphens; set Names and Kind", name, bucket))
	}
	if a.KeyARN == nil {
		errs = append(errs, fmt.Errorf("bucket %s has no KMS key: set KeyARN", name))
	}
	errs = append(errs, a.Expire.validate(name))
	return errors.Join(errs...)
}

// NewBucket makes a bucket.
func NewBucket(ctx *pulumi.Context, name string, args *BucketArgs, opts ...pulumi.ResourceOption) (*Bucket, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := policyJSON(args)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	b := &Bucket{}
	if err := ctx.RegisterComponentResource("pipeline:storage:Bucket", name, b, opts...); err != nil {
		return nil, err
	}
	made, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{
		Bucket:       pulumi.String(args.Names.Of(args.Kind)),
		ForceDestroy: pulumi.Bool(true), // S16: destroy removes the objects and all their versions
		Tags:         args.Tags,
	}, pulumi.Parent(b), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	if err := b.guard(ctx, name, args, policy, made); err != nil {
		return nil, err
	}
	b.Name, b.ARN = made.Bucket, made.Arn
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.Name, "arn": b.ARN})
}

// guard adds the bucket's settings one after the other: S3 answers
// OperationAborted to settings of one bucket that are changed at the same time.
func (b *Bucket) guard(ctx *pulumi.Context, name string, args *BucketArgs, policy string, made *s3.BucketV2) error {
	id := made.ID().ToStringOutput()
	after := func() []pulumi.ResourceOption {
		return []pulumi.ResourceOption{pulumi.Parent(b), pulumi.DependsOn(b.Ready)}
	}
	steps := []func() (pulumi.Resource, error){
		func() (pulumi.Resource, error) {
			return s3.NewBucketPublicAccessBlock(ctx, name+"-public-access", &s3.BucketPublicAccessBlockArgs{
				Bucket:                id,
				BlockPublicAcls:       pulumi.Bool(true),
				BlockPublicPolicy:     pulumi.Bool(true),
				IgnorePublicAcls:      pulumi.Bool(true),
				RestrictPublicBuckets: pulumi.Bool(true),
			}, after()...)
		},
		func() (pulumi.Resource, error) {
			return s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
				Bucket: id,
				Rule:   s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
			}, after()...)
		},
		func() (pulumi.Resource, error) {
			return s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name+"-encryption", &s3.BucketServerSideEncryptionConfigurationV2Args{
				Bucket: id,
				Rules:  encryption(args),
			}, after()...)
		},
		func() (pulumi.Resource, error) {
			return s3.NewBucketPolicy(ctx, name+"-policy", &s3.BucketPolicyArgs{
				Bucket: id,
				Policy: pulumi.String(policy),
			}, after()...)
		},
		func() (pulumi.Resource, error) {
			return s3.NewBucketVersioningV2(ctx, name+"-versioning", &s3.BucketVersioningV2Args{
				Bucket:                  id,
				VersioningConfiguration: s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
			}, after()...)
		},
		func() (pulumi.Resource, error) {
			return s3.NewBucketLifecycleConfigurationV2(ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
				Bucket: id,
				Rules:  args.Expire.rules(),
			}, after()...)
		},
	}
	for _, step := range steps {
		made, err := step()
		if err != nil {
			return err
		}
		b.Ready = append(b.Ready, made)
	}
	return nil
}

// encryption makes the key the default of every object. The bucket key saves
// most of the calls to KMS and makes the bucket's ARN the encryption context.
func encryption(args *BucketArgs) s3.BucketServerSideEncryptionConfigurationV2RuleArray {
	return s3.BucketServerSideEncryptionConfigurationV2RuleArray{
		s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			BucketKeyEnabled: pulumi.Bool(!args.NoBucketKey),
			ApplyServerSideEncryptionByDefault: s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
				SseAlgorithm:   pulumi.String("aws:kms"),
				KmsMasterKeyId: args.KeyARN.ToStringOutput().ToStringPtrOutput(),
			},
		},
	}
}

// policyJSON renders the bucket policy: nobody without TLS, then what the
// caller adds.
func policyJSON(args *BucketArgs) (string, error) {
	// The ARN of a bucket has neither account nor region.
	arn := naming.Scope{}.Bucket(args.Names.Of(args.Kind))
	tls := iampolicy.Deny("s3:*").Named("DenyWithoutTLS").ToEveryone().On(arn, arn+"/*").
		When(iampolicy.Bool("aws:SecureTransport", false))
	return iampolicy.New(append([]iampolicy.Statement{tls}, args.Statements...)...).JSON()
}

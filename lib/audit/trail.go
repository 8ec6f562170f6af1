// Package audit makes the CloudTrail trail: every management event of the
// delivery account, and every read and write of an object in the buckets that
// its caller names, in a bucket of its own, with validated log files.
package audit

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudtrail"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/storage"
)

// Args describe the trail.
type Args struct {
	// Names and Scope give the names and ARNs of the trail and of its bucket.
	// The account of the scope is the one whose events are recorded.
	Names naming.Namer
	Scope naming.Scope
	// KeyARN is the KMS key.
	KeyARN string
	// WatchedBuckets are the ARNs of the buckets whose objects are watched.
	WatchedBuckets []string
	// RetentionDays is how long log files are kept.
	RetentionDays int
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Trail is the audit trail.
type Trail struct {
	pulumi.ResourceState

	// ARN is the trail's.
	ARN pulumi.StringOutput
}

func (a *Args) validate(name string) error {
	if a == nil {
		return fmt.Errorf("trail %s has no arguments", name)
	}
	var errs []error
	if a.KeyARN == "" || a.Scope.Account == "" {
		errs = append(errs, fmt.Errorf("trail %s needs KeyARN and Scope", name))
	}
	if len(a.WatchedBuckets) == 0 {
		errs = append(errs, fmt.Errorf("trail %s watches no bucket: set WatchedBuckets", name))
	}
	if a.RetentionDays < 1 {
		errs = append(errs, fmt.Errorf("trail %s keeps log files for %d days: expected at least 1", name, a.RetentionDays))
	}
	return errors.Join(errs...)
}

// NewTrail makes the trail.
func NewTrail(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Trail, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	t := &Trail{}
	if err := ctx.RegisterComponentResource("pipeline:audit:Trail", name, t, opts...); err != nil {
		return nil, err
	}
	b, err := storage.NewBucket(ctx, name+"-bucket", &storage.BucketArgs{
		Names:  args.Names,
		Kind:   naming.AuditBucket,
		KeyARN: pulumi.String(args.KeyARN),
		// The key policy lets CloudTrail encrypt for its trail, which is in the
		// encryption context of an object and not in that of a bucket key.
		NoBucketKey: true,
		Expire:      storage.Lifecycle{CurrentDays: args.RetentionDays, NoncurrentDays: 30, IncompleteUploadDays: 7},
		Statements:  policy(args),
		Tags:        args.Tags,
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	var objects pulumi.StringArray
	for _, arn := range args.WatchedBuckets {
		objects = append(objects, pulumi.String(arn+"/"))
	}
	trail, err := cloudtrail.NewTrail(ctx, name, &cloudtrail.TrailArgs{
		Name:                       pulumi.String(args.Names.Of(naming.AuditTrail)),
		S3BucketName:               b.Name,
		KmsKeyId:                   pulumi.String(args.KeyARN),
		EnableLogging:              pulumi.Bool(true),
		EnableLogFileValidation:    pulumi.Bool(true),
		IncludeGlobalServiceEvents: pulumi.Bool(true),
		IsMultiRegionTrail:         pulumi.Bool(true), // IAM and STS also answer elsewhere
		EventSelectors: cloudtrail.TrailEventSelectorArray{cloudtrail.TrailEventSelectorArgs{
			ReadWriteType:           pulumi.String("All"),
			IncludeManagementEvents: pulumi.Bool(true),
			DataResources: cloudtrail.TrailEventSelectorDataResourceArray{cloudtrail.TrailEventSelectorDataResourceArgs{
				Type:   pulumi.String("AWS::S3::Object"),
				Values: objects,
			}},
		}},
		Tags: args.Tags,
	}, pulumi.Parent(t), pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(b.Ready))
	if err != nil {
		return nil, err
	}
	t.ARN = trail.Arn
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{"arn": t.ARN})
}

// policy lets exactly this trail write. See
// docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html.
func policy(args *Args) []iampolicy.Statement {
	const service = "cloudtrail.amazonaws.com"
	own := iampolicy.StringEquals("aws:SourceArn", args.Scope.Trail(args.Names.Of(naming.AuditTrail)))
	bucketARN := args.Scope.Bucket(args.Names.Of(naming.AuditBucket))
	return []iampolicy.Statement{
		iampolicy.Allow("s3:GetBucketAcl").Named("TrailLooks").ToService(service).On(bucketARN).When(own),
		iampolicy.Allow("s3:PutObject").Named("TrailWrites").ToService(service).
			On(bucketARN+"/AWSLogs/"+args.Scope.Account+"/*").
			When(own, iampolicy.StringEquals("s3:x-amz-acl", "bucket-owner-full-control")),
	}
}

package buildimage

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/storage"
)

// upload puts the image's source into its bucket. The key holds the digest, so
// that a build says what it was built from.
func upload(ctx *pulumi.Context, name string, args *ProjectArgs, parent pulumi.Resource) (*s3.BucketObjectv2, error) {
	b, err := storage.NewBucket(ctx, name+"-source", &storage.BucketArgs{
		Names:  args.Names,
		Kind:   naming.ImageSourceBucket,
		KeyARN: pulumi.String(args.KeyARN),
		Expire: storage.Lifecycle{NoncurrentDays: 30, IncompleteUploadDays: 7},
		Tags:   args.Tags,
	}, pulumi.Parent(parent))
	if err != nil {
		return nil, err
	}
	return s3.NewBucketObjectv2(ctx, name+"-source", &s3.BucketObjectv2Args{
		Bucket:      b.Name,
		Key:         pulumi.String(args.key()),
		Source:      pulumi.NewFileAsset(args.Context.Archive),
		ContentType: pulumi.String("application/zip"),
		Tags:        args.Tags,
	}, pulumi.Parent(parent), pulumi.DependsOn(b.Ready))
}

func (a *ProjectArgs) key() string { return "source-" + a.Context.Digest[:16] + ".zip" }

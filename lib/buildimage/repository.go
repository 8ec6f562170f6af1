package buildimage

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// keepImages is how many images the repository keeps: many more than the
// environments can be behind one another.
const keepImages = 30

// RepositoryArgs describe the repository.
type RepositoryArgs struct {
	// Names gives the physical name.
	Names naming.Namer
	// Account is the account that owns the repository and the projects.
	Account string
	// KeyARN is the KMS key.
	KeyARN string
	// UserARNs are the CodeBuild projects that run in the image.
	UserARNs []string
	// Tags are put on the repository.
	Tags pulumi.StringMap
}

// Repository is the ECR repository of the build image.
type Repository struct {
	pulumi.ResourceState

	// Name is the physical name, ARN the ARN, URL the address without a tag.
	Name, ARN, URL pulumi.StringOutput
	// Ready are the resources that must exist before the image is pushed or
	// pulled.
	Ready []pulumi.Resource
}

func (a *RepositoryArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("repository %s has no arguments", name)
	}
	var errs []error
	if a.KeyARN == "" || a.Account == "" {
		errs = append(errs, fmt.Errorf("repository %s needs Account and KeyARN", name))
	}
	if len(a.UserARNs) == 0 {
		errs = append(errs, fmt.Errorf("repository %s has no user: set UserARNs to the CodeBuild projects that run in the image", name))
	}
	return errors.Join(errs...)
}

// NewRepository makes the repository.
func NewRepository(ctx *pulumi.Context, name string, args *RepositoryArgs, opts ...pulumi.ResourceOption) (*Repository, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	policy, err := repositoryPolicy(args)
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", name, err)
	}
	lifecycle, err := lifecyclePolicy()
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", name, err)
	}
	r := &Repository{}
	if err := ctx.RegisterComponentResource("pipeline:buildimage:Repository", name, r, opts...); err != nil {
		return nil, err
	}
	made, err := ecr.NewRepository(ctx, name, &ecr.RepositoryArgs{
		Name:                       pulumi.String(args.Names.Of(naming.ImageRepository)),
		ImageTagMutability:         pulumi.String("IMMUTABLE"),
		ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations: ecr.RepositoryEncryptionConfigurationArray{ecr.RepositoryEncryptionConfigurationArgs{
			EncryptionType: pulumi.String("KMS"),
			KmsKey:         pulumi.String(args.KeyARN),
		}},
		ForceDelete: pulumi.Bool(true), // S16
		Tags:        args.Tags,
	}, pulumi.Parent(r), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	guard, err := ecr.NewRepositoryPolicy(ctx, name, &ecr.RepositoryPolicyArgs{
		Repository: made.Name,
		Policy:     pulumi.String(policy),
	}, pulumi.Parent(r))
	if err != nil {
		return nil, err
	}
	if _, err := ecr.NewLifecyclePolicy(ctx, name, &ecr.LifecyclePolicyArgs{
		Repository: made.Name,
		Policy:     pulumi.String(lifecycle),
	}, pulumi.Parent(r)); err != nil {
		return nil, err
	}
	r.Name, r.ARN, r.URL, r.Ready = made.Name, made.Arn, made.RepositoryUrl, []pulumi.Resource{made, guard}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"name": r.Name, "url": r.URL})
}

// repositoryPolicy lets CodeBuild pull for exactly these projects, with its
// own credentials: their roles need no right in ECR at all. See
// docs.aws.amazon.com/codebuild/latest/userguide/sample-ecr.html.
func repositoryPolicy(args *RepositoryArgs) (string, error) {
	return iampolicy.New(
		iampolicy.Allow("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer").
			Named("CodeBuildPulls").ToService("codebuild.amazonaws.com").NoResource().
			When(iampolicy.StringEquals("aws:SourceAccount", args.Account),
				iampolicy.ArnEquals("aws:SourceArn", args.UserARNs...)),
	).JSON()
}

// lifecyclePolicy keeps the newest images.
func lifecyclePolicy() (string, error) {
	type selection struct {
		TagStatus   string `json:"tagStatus"`
		CountType   string `json:"countType"`
		CountNumber int    `json:"countNumber"`
	}
	type rule struct {
		Priority    int               `json:"rulePriority"`
		Description string            `json:"description"`
		Selection   selection         `json:"selection"`
		Action      map[string]string `json:"action"`
	}
	b, err := json.Marshal(map[string][]rule{"rules": {{
		Priority:    1,
		Description: fmt.Sprintf("keep the newest %d images", keepImages),
		Selection:   selection{TagStatus: "any", CountType: "imageCountMoreThan", CountNumber: keepImages},
		Action:      map[string]string{"type": "expire"},
	}}})
	return string(b), err
}

package sourcecontrol

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-github/sdk/v6/go/github"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/settings"
)

// RepositoryArgs describe what is set up on the repository itself.
type RepositoryArgs struct {
	// Repository is the customer's.
	Repository settings.Repository
	// WebhookURL is where pushes are delivered, Secret what they are signed with.
	WebhookURL, Secret pulumi.StringInput
	// Protect says whether the delivered branch is protected; private
	// repositories of GitHub's free plan can't be.
	Protect bool
	// Reviews is how many people must approve a change, 0 to 6.
	Reviews int
}

// Repository is what the platform sets up on the repository.
type Repository struct {
	pulumi.ResourceState
}

func (a *RepositoryArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("repository %s has no arguments", name)
	}
	var errs []error
	if a.Repository.Name == "" || a.Repository.Branch == "" {
		errs = append(errs, fmt.Errorf("repository %s has no name or branch: set Repository", name))
	}
	if a.WebhookURL == nil || a.Secret == nil {
		errs = append(errs, fmt.Errorf("repository %s needs WebhookURL and Secret", name))
	}
	if a.Reviews < 0 || a.Reviews > 6 {
		errs = append(errs, fmt.Errorf("repository %s asks for %d reviews: GitHub accepts 0 to 6", name, a.Reviews))
	}
	return errors.Join(errs...)
}

// NewRepository sets up the webhook and the protection of the branch.
func NewRepository(ctx *pulumi.Context, name string, args *RepositoryArgs, opts ...pulumi.ResourceOption) (*Repository, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	r := &Repository{}
	if err := ctx.RegisterComponentResource("pipeline:sourcecontrol:Repository", name, r, opts...); err != nil {
		return nil, err
	}
	// GitHub refuses two webhooks with one URL.
	if _, err := github.NewRepositoryWebhook(ctx, name, &github.RepositoryWebhookArgs{
		Repository: pulumi.String(args.Repository.Name),
		Active:     pulumi.Bool(true),
		Events:     pulumi.StringArray{pulumi.String("push")},
		Configuration: github.RepositoryWebhookConfigurationArgs{
			Url:         args.WebhookURL,
			ContentType: pulumi.String("json"),
			Secret:      args.Secret.ToStringOutput().ToStringPtrOutput(),
			InsecureSsl: pulumi.Bool(false),
		},
	}, pulumi.Parent(r), pulumi.DeleteBeforeReplace(true)); err != nil {
		return nil, err
	}
	if args.Protect {
		if _, err := github.NewBranchProtection(ctx, name, &github.BranchProtectionArgs{
			RepositoryId:                  pulumi.String(args.Repository.Name),
			Pattern:                       pulumi.String(args.Repository.Branch),
			EnforceAdmins:                 pulumi.Bool(true),
			AllowsDeletions:               pulumi.Bool(false),
			AllowsForcePushes:             pulumi.Bool(false),
			RequireConversationResolution: pulumi.Bool(true),
			RequiredPullRequestReviews: github.BranchProtectionRequiredPullRequestReviewArray{
				github.BranchProtectionRequiredPullRequestReviewArgs{
					RequiredApprovingReviewCount: pulumi.Int(args.Reviews),
					DismissStaleReviews:          pulumi.Bool(true),
					RequireLastPushApproval:      pulumi.Bool(args.Reviews > 0),
				},
			},
		}, pulumi.Parent(r), pulumi.DeleteBeforeReplace(true)); err != nil {
			return nil, err
		}
	}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{})
}

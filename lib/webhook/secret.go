package webhook

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
)

// SecretArgs describe the webhook secret.
type SecretArgs struct {
	// Names gives the physical name.
	Names naming.Namer
	// KeyARN is the KMS key.
	KeyARN string
	// Version counts the rotations: another one makes another secret. Secrets
	// Manager keeps the one before it, which the receiver takes for an hour more.
	Version int
	// Tags are put on the secret.
	Tags pulumi.StringMap
}

// Secret is the secret with which GitHub signs deliveries.
type Secret struct {
	pulumi.ResourceState

	// ARN is the secret's ARN, known to AWS only: it ends with random letters.
	ARN pulumi.StringOutput
	// Value is the secret itself, for the webhook; Pulumi keeps it encrypted. It
	// waits for Ready, so that GitHub signs with nothing that nobody can check.
	Value pulumi.StringOutput
	// Ready are the resources that must exist before the value can be read.
	Ready []pulumi.Resource
}

// NewSecret makes the secret.
func NewSecret(ctx *pulumi.Context, name string, args *SecretArgs, opts ...pulumi.ResourceOption) (*Secret, error) {
	if args == nil || args.KeyARN == "" {
		return nil, fmt.Errorf("webhook secret %s has no KMS key: set KeyARN", name)
	}
	s := &Secret{}
	if err := ctx.RegisterComponentResource("pipeline:webhook:Secret", name, s, opts...); err != nil {
		return nil, err
	}
	// Letters and digits: 64 of them hold 380 bits, and no shell or form ever
	// has to quote them.
	value, err := random.NewRandomPassword(ctx, name, &random.RandomPasswordArgs{
		Length:  pulumi.Int(64),
		Special: pulumi.Bool(false),
		Keepers: args.keepers(),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	secret, err := secretsmanager.NewSecret(ctx, name, &secretsmanager.SecretArgs{
		Name:                 pulumi.String(args.Names.Of(naming.WebhookSecret)),
		Description:          pulumi.String("Signs the deliveries of the GitHub webhook"),
		KmsKeyId:             pulumi.String(args.KeyARN),
		RecoveryWindowInDays: pulumi.Int(0), // else the name is blocked for days after a destroy
		Tags:                 args.Tags,
	}, pulumi.Parent(s), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	version, err := secretsmanager.NewSecretVersion(ctx, name, &secretsmanager.SecretVersionArgs{
		SecretId:     secret.ID(),
		SecretString: value.Result,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	s.ARN, s.Ready = secret.Arn, []pulumi.Resource{version}
	s.Value = pulumi.ToSecret(pulumi.All(value.Result, version.VersionId).ApplyT(func(all []any) string {
		return all[0].(string)
	})).(pulumi.StringOutput)
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"arn": s.ARN})
}

// keepers are none before the first rotation.
func (a *SecretArgs) keepers() pulumi.StringMap {
	if a.Version == 0 {
		return nil
	}
	return pulumi.StringMap{"version": pulumi.String(strconv.Itoa(a.Version))}
}

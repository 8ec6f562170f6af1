package sourcecontrol_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/plantest"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/sourcecontrol"
)

var repository = settings.Repository{Owner: "acme", Name: "infrastructure", Branch: "main"}

func TestTheWebhookIsSignedAndTheBranchProtected(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
		_, err := sourcecontrol.NewRepository(ctx, "repository", &sourcecontrol.RepositoryArgs{
			Repository: repository, WebhookURL: pulumi.String("https://example.com/webhook"),
			Secret: pulumi.ToSecret(pulumi.String("s")).(pulumi.StringOutput), Protect: true, Reviews: 2,
		})
		return err
	}, nil)
	hook := plantest.One(t, rs, "github:index/repositoryWebhook:RepositoryWebhook", "")
	require.Equal(t, map[string]any{"url": "https://example.com/webhook", "contentType": "json", "insecureSsl": false, "secret": "s"}, hook.Inputs["configuration"])
	require.Equal(t, []any{"push"}, hook.Inputs["events"])
	branch := plantest.One(t, rs, "github:index/branchProtection:BranchProtection", "")
	require.Equal(t, "main", branch.Text("pattern"))
	require.Equal(t, false, branch.Inputs["allowsForcePushes"])
	require.Equal(t, true, branch.Inputs["enforceAdmins"])
}

func TestAnEnvironmentHoldsItsVariablesAndSecrets(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
		_, err := sourcecontrol.NewEnvironment(ctx, "dev", &sourcecontrol.EnvironmentArgs{
			Repository: "infrastructure", Name: "environment-dev-a1b2",
			Variables: map[string]string{"A": "1", "B": "2"}, Secrets: map[string]string{"C": "3"},
		})
		return err
	}, nil)
	plantest.Check(t, rs, plantest.Suffix, nil)
	require.Len(t, plantest.OfType(rs, "github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable"), 2)
	secret := plantest.One(t, rs, "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret", "")
	require.Contains(t, secret.Secrets, "plaintextValue")
	require.Equal(t, "environment-dev-a1b2", secret.Text("environment"))
}

func TestIncompleteArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	for want, program := range map[string]pulumi.RunFunc{
		"is not a variable": func(ctx *pulumi.Context) error {
			_, err := sourcecontrol.NewEnvironment(ctx, "dev", &sourcecontrol.EnvironmentArgs{Repository: "r", Name: "n", Variables: map[string]string{"lower": "1"}})
			return err
		},
		"needs Repository and Name": func(ctx *pulumi.Context) error {
			_, err := sourcecontrol.NewEnvironment(ctx, "dev", nil)
			return err
		},
		"GitHub accepts 0 to 6": func(ctx *pulumi.Context) error {
			_, err := sourcecontrol.NewRepository(ctx, "r", &sourcecontrol.RepositoryArgs{Repository: repository, WebhookURL: pulumi.String("u"), Secret: pulumi.String("s"), Reviews: 9})
			return err
		},
		"needs WebhookURL": func(ctx *pulumi.Context) error {
			_, err := sourcecontrol.NewRepository(ctx, "r", &sourcecontrol.RepositoryArgs{Repository: repository})
			return err
		},
		"needs ExistingARN or Name": func(ctx *pulumi.Context) error {
			_, err := sourcecontrol.NewConnection(ctx, "c", &sourcecontrol.ConnectionArgs{})
			return err
		},
	} {
		_, err := plantest.Try("shared", plantest.Suffix, nil, program, nil)
		require.ErrorContains(t, err, want)
	}
}

func TestANewConnectionIsNamedAndItsStatusKnown(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
		c, err := sourcecontrol.NewConnection(ctx, "connection", &sourcecontrol.ConnectionArgs{Name: "source-shared-a1b2"})
		if err != nil {
			return err
		}
		ctx.Export("status", c.Status)
		return nil
	}, nil)
	require.Equal(t, "source-shared-a1b2", plantest.One(t, rs, "aws:codeconnections/connection:Connection", "").Text("name"))
}

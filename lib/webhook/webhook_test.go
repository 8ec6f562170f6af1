package webhook_test

import (
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/webhook"
)

// ingress makes the secret, the receiver and the API.
func ingress(t *testing.T) []plantest.Resource {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "receiver")
	plantest.Program(t, filepath.Join(directory, "bootstrap"), "x86_64")
	s, key := plantest.Settings(), plantest.Key(naming.Shared)
	names, tags := s.Namer(naming.Shared), pulumi.StringMap{"Owner": pulumi.String("me")}
	return plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
		secret, err := webhook.NewSecret(ctx, "secret", &webhook.SecretArgs{Names: names, KeyARN: key, Tags: tags})
		if err != nil {
			return err
		}
		receiver, err := webhook.NewReceiver(ctx, "receiver", &webhook.ReceiverArgs{
			Names: names, Scope: s.Delivery(), Repository: s.Repository, Secret: secret, BusName: pulumi.String("bus"),
			KeyARN: key, Code: compute.Code{Directory: directory, Architecture: "x86_64"}, Tags: tags,
		})
		if err != nil {
			return err
		}
		_, err = webhook.NewAPI(ctx, "api", &webhook.APIArgs{Names: names, KeyARN: key, Function: receiver.Function, Tags: tags})
		return err
	}, nil)
}

func TestTheIngressKeepsTheRules(t *testing.T) {
	t.Parallel()
	plantest.Check(t, ingress(t), plantest.Suffix, map[string]string{"Owner": "me"})
}

func TestOnlyTheWebhookRouteReachesTheReceiver(t *testing.T) {
	t.Parallel()
	rs := ingress(t)
	require.Equal(t, "POST /webhook", plantest.One(t, rs, "aws:apigatewayv2/route:Route", "").Text("routeKey"))
	require.Equal(t, "arn:aws:execute-api:us-east-1:111122223333:api1234567/$default/POST/webhook",
		plantest.One(t, rs, "aws:lambda/permission:Permission", "").Text("sourceArn"))
	stage := plantest.One(t, rs, "aws:apigatewayv2/stage:Stage", "")
	require.NotEmpty(t, stage.Inputs["accessLogSettings"])
	require.Equal(t, map[string]any{"throttlingRateLimit": 50.0, "throttlingBurstLimit": 100.0}, stage.Inputs["defaultRouteSettings"])
}

func TestTheReceiverMaySpeakOnlyForItself(t *testing.T) {
	t.Parallel()
	for _, p := range plantest.Policies(t, ingress(t)) {
		for _, s := range p.Document.Statement {
			switch s.Action[0] {
			case "events:PutEvents":
				require.Equal(t, "delivery.receiver", s.Condition["ForAllValues:StringEquals"]["events:source"][0])
			case "secretsmanager:GetSecretValue":
				require.Equal(t, "arn:aws:secretsmanager:us-east-1:111122223333:secret:webhook-secret-shared-a1b2-AbCdEf", s.Resource[0])
			}
		}
	}
}

func TestTheReceiverIsToldEverythingItAsksFor(t *testing.T) {
	t.Parallel()
	f := plantest.One(t, ingress(t), "aws:lambda/function:Function", "")
	env := f.Inputs["environment"].(map[string]any)["variables"].(map[string]any)
	for _, key := range []string{"REPOSITORY", "BRANCH", "BUS_NAME", "SECRET_ID", "DELIVERIES_TABLE"} {
		require.NotEmpty(t, env[key], key)
	}
	require.Equal(t, "acme/infrastructure", env["REPOSITORY"])
}

func TestIncompleteArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	for want, program := range map[string]pulumi.RunFunc{
		"has no KMS key": func(ctx *pulumi.Context) error {
			_, err := webhook.NewSecret(ctx, "s", nil)
			return err
		},
		"needs Secret and BusName": func(ctx *pulumi.Context) error {
			_, err := webhook.NewReceiver(ctx, "r", &webhook.ReceiverArgs{})
			return err
		},
		"needs KeyARN and Function": func(ctx *pulumi.Context) error {
			_, err := webhook.NewAPI(ctx, "a", &webhook.APIArgs{})
			return err
		},
	} {
		_, err := plantest.Try("shared", plantest.Suffix, nil, program, nil)
		require.ErrorContains(t, err, want)
	}
}

func TestARotationMakesAnotherSecretAndNothingElse(t *testing.T) {
	t.Parallel()
	password := func(version int) map[string]any {
		rs := plantest.Run(t, "shared", plantest.Suffix, nil, func(ctx *pulumi.Context) error {
			_, err := webhook.NewSecret(ctx, "secret", &webhook.SecretArgs{Names: plantest.Settings().Namer(naming.Shared), KeyARN: plantest.Key(naming.Shared), Version: version})
			return err
		}, nil)
		return plantest.One(t, rs, "random:index/randomPassword:RandomPassword", "").Inputs
	}
	require.NotContains(t, password(0), "keepers", "an installation that never rotated keeps its secret")
	require.Equal(t, map[string]any{"version": "1"}, password(1)["keepers"])
	require.NotEqual(t, password(1)["keepers"], password(2)["keepers"])
}

package deploy

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func environment() map[string]string {
	return map[string]string{
		"DELIVERY_ENVIRONMENT": "dev", "DELIVERY_PIPELINE": "pipeline-dev-a1b2", "DELIVERY_REGION": "us-east-1", "DELIVERY_ACCOUNT": "123456789012",
		"DELIVERY_STATE_BUCKET": stateBucket, "DELIVERY_SECRETS_KEY": testKey, "DELIVERY_ROLE": previewRole, "DELIVERY_EXTERNAL_ID": "external-id-dev-a1b2",
		"DELIVERY_LEDGER_BUCKET": ledgerBucket, "DELIVERY_BUS": "delivery-bus-shared-a1b2", "DELIVERY_EXECUTION": "8e1d1b0c-0000-4000-8000-000000000001",
		"DELIVERY_COMMIT": commitA, "DELIVERY_SOURCE_COMMIT": commitA, "DELIVERY_ID": "d-1", "DELIVERY_PUSHER": "ada",
	}
}

func TestSettingsOfABuild(t *testing.T) {
	t.Parallel()
	env := environment()
	s, err := ReadSettings(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, "s3://"+stateBucket+"?awssdk=v2&region=us-east-1", s.Backend())
	require.Equal(t, "awskms:///"+testKey+"?context_environment=dev&region=us-east-1", s.SecretsProvider())
	require.Equal(t, "pipeline-dev-a1b2-8e1d1b0c-0000-4000-8000-000000000001", s.SessionName())

	env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
	s, err = ReadSettings(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Contains(t, s.Backend(), "use_path_style=true")
}

func TestSettingsErrorsNameTheVariable(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("b", 40)
	for name, c := range map[string]struct{ variable, value, want string }{
		"no environment": {"DELIVERY_ENVIRONMENT", "", "environment variable DELIVERY_ENVIRONMENT is not set"},
		"unusable name":  {"DELIVERY_ENVIRONMENT", "QA!", `environment variable DELIVERY_ENVIRONMENT: environment "QA!"`},
		"account":        {"DELIVERY_ACCOUNT", "12", `environment variable DELIVERY_ACCOUNT is "12"`},
		"region":         {"DELIVERY_REGION", "mars", `environment variable DELIVERY_REGION is "mars"`},
		"role elsewhere": {"DELIVERY_ROLE", "arn:aws:iam::234567890123:role/x", "DELIVERY_ROLE is in account 234567890123 and DELIVERY_ACCOUNT is 123456789012"},
		"key":            {"DELIVERY_SECRETS_KEY", "alias/x", `environment variable DELIVERY_SECRETS_KEY is "alias/x"`},
		"bucket":         {"DELIVERY_STATE_BUCKET", "A?b", `environment variable DELIVERY_STATE_BUCKET is "A?b"`},
		"no bus":         {"DELIVERY_BUS", "", "environment variable DELIVERY_BUS is not set"},
		"requires":       {"DELIVERY_REQUIRES", "shared", "environment variable DELIVERY_REQUIRES"},
		"digest":         {"DELIVERY_DIGEST", "x", `environment variable DELIVERY_DIGEST is "x"`},
		"no delivery":    {"DELIVERY_COMMIT", "none", "was not started by a delivery"},
		"no commit":      {"DELIVERY_COMMIT", "", "was not started by a delivery"},
		"not a commit":   {"DELIVERY_COMMIT", "main", "expected a commit of 40 hexadecimal digits"},
		"another commit": {"DELIVERY_SOURCE_COMMIT", other, "the push named commit " + commitA + " but the source action fetched \"" + other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(environment())
			env[c.variable] = c.value
			_, err := ReadSettings(func(name string) string { return env[name] })
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestSessionNameFitsSTS(t *testing.T) {
	t.Parallel()
	for _, s := range []Settings{
		{Pipeline: strings.Repeat("p", 100), Execution: "8e1d1b0c-0000-4000-8000-000000000001"},
		{Pipeline: "p", Execution: strings.Repeat("e", 100)},
		{Pipeline: "a b/c", Execution: "x:y"},
	} {
		require.Regexp(t, `^[\w+=,.@-]{2,64}$`, s.SessionName())
	}
}

package pulumicli_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

const separator = string(os.PathListSeparator)

func TestTheCLIGetsOnlyWhatIsKnownToBeNeeded(t *testing.T) {
	t.Parallel()
	kept := []string{
		"HOME=/home/builder", "GOCACHE=/cache", "HTTPS_PROXY=http://proxy", "SSL_CERT_FILE=/ca.pem",
		"AWS_REGION=r", "AWS_PROFILE=p", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/c", "AWS_ENDPOINT_URL_S3=http://127.0.0.1:1",
		"PULUMI_HOME=/p", "PULUMI_DEBUG_PROVIDERS=aws:1",
	}
	dropped := []string{
		"PULUMI_BACKEND_URL=file:///elsewhere", "PULUMI_STACK=s", "PULUMI_CONFIG_PASSPHRASE=secret", "PULUMI_CONFIG_PASSPHRASE_FILE=f", "PULUMI_ACCESS_TOKEN=t",
		"PULUMI_OPTION_REFRESH=true", "PULUMI_SKIP_CHECKPOINTS=true", "PULUMI_EXPERIMENTAL=true", "PULUMI_IGNORE_AMBIENT_PLUGINS=true", "PULUMI_DEBUG_LANGUAGES=go:1",
		"GITHUB_TOKEN=t", "DELIVERY_ROLE=r", "CODEBUILD_BUILD_ID=b", "AWS_SOMETHING_NEW=x", "AWS_LAMBDA_RUNTIME_API=a", "LD_PRELOAD=/x.so", "SOMETHING_NEW=x", "HOME_OF=x",
	}
	own := slices.Concat([]string{"PATH=/bin"}, kept, dropped)
	set := []string{"PATH=/hosts" + separator + "/tools" + separator + "/bin", "PULUMI_BACKEND_URL=s3://state", "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DEBUG_COMMANDS=true"}
	e := pulumicli.Environment{Backend: "s3://state", First: []string{"/hosts", "/tools"}}
	require.Equal(t, slices.Concat(kept, set), e.From(own))

	e.Also, e.Passphrase = []string{"GITHUB_TOKEN"}, true
	require.Equal(t, slices.Concat(kept, []string{"GITHUB_TOKEN=t"}, set, []string{"PULUMI_CONFIG_PASSPHRASE="}), e.From(own))
}

func TestTheProgramGetsNoCredentialThatTheCLIGets(t *testing.T) {
	t.Parallel()
	for _, name := range pulumicli.ProgramVariables {
		require.NotContains(t, name, "AWS_")
		require.NotContains(t, name, "TOKEN")
		require.True(t, name == "PULUMI_HOME" || name[:min(7, len(name))] != "PULUMI_", name)
	}
}

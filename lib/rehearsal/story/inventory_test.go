package story

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/rehearsal/cloud"
)

func TestSecretsStayOutOfTheInventory(t *testing.T) {
	t.Parallel()
	deployed := []*cloud.Resource{
		{Type: "random:index/randomPassword:RandomPassword", URN: "urn::a", Outputs: map[string]any{"result": "s3cret"}},
		{Type: "github:index/repositoryWebhook:RepositoryWebhook", URN: "urn::b", Inputs: map[string]any{"configuration": map[string]any{"secret": "s3cret", "url": "https://example.com/s3cret"}}},
	}
	hide := secretHider(deployed)
	for _, d := range deployed {
		require.NotContains(t, fmt.Sprint(hide(d.Inputs), hide(d.Outputs)), "s3cret")
	}
}

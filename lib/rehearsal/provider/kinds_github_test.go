package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestAPrivateRepositoryOfTheFreePlanHasNoProtectionAndNoEnvironments(t *testing.T) {
	t.Parallel()
	protection := map[string]any{"repositoryId": "infrastructure", "pattern": "main"}
	environment := map[string]any{"repository": "infrastructure", "environment": "dev"}
	for name, c := range map[string]struct {
		visibility, plan string
		refused          bool
	}{
		"private, free": {"private", "free", true},
		"private, team": {"private", "team", false},
		"public, free":  {"public", "free", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			require.NoError(t, r.cloud.Add(&cloud.Resource{
				Type: typetoken.GitHubRepository, ID: "infrastructure", Account: "github", Seed: true,
				Inputs: map[string]any{"visibility": c.visibility, "plan": c.plan},
			}))
			hub := r.configured("github", map[string]any{"owner": "acme"})
			_, _, noProtection := hub.try(typetoken.GitHubBranchProtection, "p", protection)
			_, _, noEnvironment := hub.try(typetoken.GitHubEnvironment, "e", environment)
			if !c.refused {
				require.NoError(t, noProtection)
				require.NoError(t, noEnvironment)
				return
			}
			require.ErrorContains(t, noProtection, "403 Upgrade to GitHub Pro or make this repository public to enable this feature.")
			require.ErrorContains(t, noEnvironment, "422 Fail to create protected rule, please ensure billing plan include protected branch gate.")
			require.Empty(t, r.cloud.Deployed())
			hub.create(hookTok, "h", hookInputs) // a webhook costs nothing
		})
	}
}

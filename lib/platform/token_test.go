package platform_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
)

func TestDestroyAllWithoutTheTokenOfGitHubRemovesNothing(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	for _, project := range []string{"targets", "shared", "environments"} {
		require.NoError(t, i.open(t).Up(t.Context(), project))
	}
	token := i.config.Environment
	i.config.Environment, i.cli.calls = platform.RehearsalEnvironment([]string{"PATH=/nowhere", "GITHUB_TOKEN="}), nil
	require.ErrorContains(t, i.open(t).DestroyAll(t.Context(), true), "export GITHUB_TOKEN=")
	for _, call := range i.cli.calls {
		require.False(t, strings.HasPrefix(call, "destroy"), call)
	}

	// What shared made is gone: nothing on GitHub is left to remove.
	i.config.Environment = token
	require.NoError(t, i.open(t).Destroy(t.Context(), "environments"))
	require.NoError(t, i.open(t).Destroy(t.Context(), "shared"))
	i.config.Environment = platform.RehearsalEnvironment([]string{"PATH=/nowhere"})
	require.NoError(t, i.open(t).DestroyAll(t.Context(), false))
}

func TestOnlySharedNeedsTheTokenOfGitHub(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	i.config.Environment = platform.RehearsalEnvironment([]string{"PATH=/nowhere"})
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	require.NoError(t, i.open(t).Up(t.Context(), "targets"))
	p := i.open(t)
	i.cli.calls = nil
	require.ErrorContains(t, p.Up(t.Context(), "shared"), `shared: GITHUB_TOKEN is not set`)
	require.ErrorContains(t, p.Preview(t.Context(), "shared"), "GITHUB_TOKEN")
	require.ErrorContains(t, p.Refresh(t.Context(), "shared"), "GITHUB_TOKEN")
	require.ErrorContains(t, p.Destroy(t.Context(), "shared"), "GITHUB_TOKEN")
	require.Empty(t, i.cli.calls)
}

package platform_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARotationRaisesTheVersionAndDeploysShared(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	path := filepath.Join(i.config.Root, "shared", "Pulumi.a1b2.yaml")
	for _, want := range []string{"shared:webhookSecretVersion: 1\n", "shared:webhookSecretVersion: 2\n"} {
		i.cli.calls = nil
		require.NoError(t, i.open(t).RotateWebhookSecret(t.Context()))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), want)
		require.True(t, slices.ContainsFunc(i.cli.calls, func(c string) bool { return strings.HasPrefix(c, "up ") }))
	}

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "Version: 2", "Version: two", 1)), 0o644))
	i.cli.calls = nil
	require.ErrorContains(t, i.open(t).RotateWebhookSecret(t.Context()), `shared:webhookSecretVersion is "two": expected a whole number`)
	require.Empty(t, i.cli.calls)
}

package platform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
)

func TestUpMakesTheStackWithThePlatformKey(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	i.cli.calls = nil
	require.NoError(t, i.open(t).Up(t.Context(), "environments/dev"))
	require.NoError(t, i.open(t).Up(t.Context(), "environments/dev"))
	var inits, ups int
	for _, c := range i.cli.calls {
		if strings.HasPrefix(c, "stack init") {
			inits++
			require.Contains(t, c, "--secrets-provider awskms://alias/delivery-key-shared-a1b2?region=us-east-1")
		}
		if strings.HasPrefix(c, "up ") {
			ups++
		}
	}
	require.Equal(t, []int{1, 2}, []int{inits, ups})
}

func TestProjectsNeedBootstrap(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.ErrorContains(t, i.open(t).Up(t.Context(), "shared"), "make bootstrap")
	require.ErrorContains(t, i.open(t).Destroy(t.Context(), "shared"), "make bootstrap")
	require.ErrorContains(t, i.open(t).Destroy(t.Context(), "bootstrap"), "make destroy-all")
	require.ErrorContains(t, i.open(t).Up(t.Context(), "nonsense"), "expected one of bootstrap, targets/dev")
}

func TestDestroyAllGoesInTheOrderOfTheReferences(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	for _, project := range []string{"targets", "shared", "environments"} {
		require.NoError(t, i.open(t).Up(t.Context(), project))
	}
	var order []string
	i.cli.calls = nil
	var out strings.Builder
	i.config.Out = &out
	require.NoError(t, i.open(t).DestroyAll(t.Context(), false))
	for line := range strings.Lines(out.String()) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), " resources of "); ok {
			order = append(order, name)
		}
	}
	require.Equal(t, []string{"environments/prod", "environments/staging", "environments/dev", "shared",
		"targets/prod", "targets/staging", "targets/dev"}, order)
	require.NoDirExists(t, i.cli.bucket)
	require.NoError(t, i.open(t).DestroyAll(t.Context(), false), "again does no harm")
}

func TestDestroyAllRefusesWhileAWorkloadIsDeployed(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	i.storage.keys = map[string][]string{"state-bucket-dev-a1b2": {
		".pulumi/stacks/orders/dev.json", ".pulumi/stacks/orders/dev.json.bak", ".pulumi/stacks/orders/dev.json.attrs"}}
	err := i.open(t).DestroyAll(t.Context(), false)
	require.ErrorContains(t, err, "(dev: orders/dev)")
	require.ErrorContains(t, err, "FORCE=yes")
	i.requireMoved(t)
	require.NoError(t, i.open(t).DestroyAll(t.Context(), true))
	require.NoDirExists(t, i.cli.bucket)
}

func TestDestroyAllRefusesForeignStacksInTheBucket(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	require.NoError(t, save(filepath.Join(i.cli.bucket, "other_x.json"), fakeStack{Resources: map[string]string{"urn:x": "x"}}))
	require.ErrorContains(t, i.open(t).DestroyAll(t.Context(), false), "organization/other/x")
}

func TestFindSuffixWantsExactlyOneInstallation(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	got, err := platform.FindSuffix(i.root)
	require.NoError(t, err)
	require.Equal(t, "a1b2", got)
	require.NoError(t, os.WriteFile(filepath.Join(i.root, "bootstrap", "Pulumi.c3d4.yaml"), nil, 0o600))
	_, err = platform.FindSuffix(i.root)
	require.ErrorContains(t, err, "SUFFIX=")
	_, err = platform.FindSuffix(t.TempDir())
	require.ErrorContains(t, err, "make configure")
}

func TestDestroyedInstallationLeavesNoDeadKeysInStackFiles(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	path := filepath.Join(i.root, "shared", "Pulumi.a1b2.yaml")
	require.NoError(t, os.WriteFile(path, []byte("secretsprovider: awskms://x\nencryptedkey: abc\nconfig:\n  github:owner: acme\n  github:token:\n    secure: v1:x\n"), 0o600))
	require.NoError(t, i.open(t).DestroyAll(t.Context(), false))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "config:\n  github:owner: acme\n", string(text))
}

func TestTargetsOfAnotherInstallationAreRefused(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	other := values()
	other.Suffix = "c3d4"
	require.NoError(t, platform.Configure(i.root, other))
	require.ErrorContains(t, i.open(t).Up(t.Context(), "targets/dev"), `configured for the installation "c3d4"`)
}

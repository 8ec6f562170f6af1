package sentinel_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/sig"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/sentinel"
)

func TestTheSentinelsAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	require.Equal(t, plugin.UnknownStringValue, sentinel.UnknownText)
	require.ElementsMatch(t, []string{
		plugin.UnknownStringValue, plugin.UnknownBoolValue, plugin.UnknownNumberValue, plugin.UnknownArrayValue,
		plugin.UnknownAssetValue, plugin.UnknownArchiveValue, plugin.UnknownObjectValue,
	}, sentinel.Unknowns)
	require.Equal(t, []string{sig.Key, sig.Secret, sig.AssetSig, sig.ArchiveSig},
		[]string{sentinel.Signature, sentinel.Secret, sentinel.Asset, sentinel.Archive})
}

package provider

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/stretchr/testify/require"
)

// ofSDK is how the engine's own code puts values on the wire and reads them.
var ofSDK = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true, KeepOutputValues: true, KeepByteString: true}

func textValue(s string) resource.PropertyValue { return resource.NewStringProperty(s) }

func TestValuesAreReadAsTheSDKWritesThem(t *testing.T) {
	t.Parallel()
	reference := func(id resource.PropertyValue) resource.PropertyValue {
		return resource.NewResourceReferenceProperty(resource.ResourceReference{URN: "urn:pulumi:s::p::t::n", ID: id})
	}
	for name, c := range map[string]struct {
		value           resource.PropertyValue
		want            any
		secret, unknown bool
	}{
		"text":                    {textValue("a"), "a", false, false},
		"number":                  {resource.NewNumberProperty(1.5), 1.5, false, false},
		"boolean":                 {resource.NewBoolProperty(true), true, false, false},
		"null":                    {resource.NewNullProperty(), nil, false, false},
		"bytes":                   {textValue("\xff\x00"), "\xff\x00", false, false},
		"list":                    {resource.NewArrayProperty([]resource.PropertyValue{textValue("a"), resource.NewNullProperty()}), []any{"a", nil}, false, false},
		"map without its nulls":   {resource.NewObjectProperty(resource.PropertyMap{"a": textValue("b"), "c": resource.NewNullProperty()}), map[string]any{"a": "b"}, false, false},
		"secret":                  {resource.MakeSecret(textValue("a")), "a", true, false},
		"secret in a list":        {resource.NewArrayProperty([]resource.PropertyValue{resource.MakeSecret(textValue("a"))}), []any{"a"}, true, false},
		"unknown text":            {resource.MakeComputed(textValue("")), unknown{}, false, true},
		"unknown number":          {resource.MakeComputed(resource.NewNumberProperty(0)), unknown{}, false, true},
		"unknown boolean":         {resource.MakeComputed(resource.NewBoolProperty(false)), unknown{}, false, true},
		"unknown list":            {resource.MakeComputed(resource.NewArrayProperty(nil)), unknown{}, false, true},
		"unknown map":             {resource.MakeComputed(resource.NewObjectProperty(nil)), unknown{}, false, true},
		"unknown asset":           {resource.MakeComputed(resource.NewAssetProperty(&asset.Asset{})), unknown{}, false, true},
		"unknown archive":         {resource.MakeComputed(resource.NewArchiveProperty(&archive.Archive{})), unknown{}, false, true},
		"unknown in a map":        {resource.NewObjectProperty(resource.PropertyMap{"a": resource.MakeComputed(textValue(""))}), map[string]any{"a": unknown{}}, false, true},
		"unknown secret":          {resource.MakeSecret(resource.MakeComputed(textValue(""))), unknown{}, true, true},
		"output":                  {resource.NewOutputProperty(resource.Output{Element: textValue("a"), Known: true}), "a", false, false},
		"unknown secret output":   {resource.NewOutputProperty(resource.Output{Secret: true}), unknown{}, true, true},
		"resource":                {reference(textValue("id")), "id", false, false},
		"resource yet to be made": {reference(resource.MakeComputed(textValue(""))), unknown{}, false, true},
		"component":               {reference(resource.PropertyValue{}), nil, false, false},
	} {
		wired, err := plugin.MarshalPropertyValue("x", c.value, ofSDK)
		require.NoError(t, err, name)
		var r reading
		got, err := r.value(wired)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
		require.Equal(t, reading{c.secret, c.unknown}, r, name)
	}
}

func TestAssetsAndArchivesAreReadAsTheSDKWritesThem(t *testing.T) {
	t.Parallel()
	a, err := asset.FromText("hello")
	require.NoError(t, err)
	inner, err := archive.FromAssets(map[string]any{"a.txt": a})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		value resource.PropertyValue
		hash  string
	}{
		"asset":   {resource.NewAssetProperty(a), a.Hash},
		"archive": {resource.NewArchiveProperty(inner), inner.Hash},
	} {
		wired, err := plugin.MarshalPropertyValue("x", c.value, ofSDK)
		require.NoError(t, err, name)
		var r reading
		got, err := r.value(wired)
		require.NoError(t, err, name)
		require.Equal(t, c.hash, got.(map[string]any)["hash"], name)
		bytes, err := load(got)
		require.NoError(t, err, name)
		require.NotEmpty(t, bytes, name)
	}
}

func TestValuesOfAnUnknownSignatureAreRefused(t *testing.T) {
	t.Parallel()
	for _, fields := range []map[string]any{
		{resource.SigKey: "another"}, {resource.SigKey: 7}, {resource.SigKey: resource.SecretSig},
		{resource.SigKey: resource.ByteStringSig, "value": "not base64!"},
	} {
		wired, err := wireValue(fields)
		require.NoError(t, err)
		_, err = new(reading).value(wired)
		require.Error(t, err, fields)
	}
}

// What is written here reads the same in the SDK.
func TestPropertiesAreWrittenAsTheSDKReadsThem(t *testing.T) {
	t.Parallel()
	values := map[string]any{"a": "text", "n": 3, "f": 1.5, "b": true, "l": []string{"x"}, "m": map[string]string{"k": "v"}, "s": "hidden", "null": nil}
	wired, err := write(values, properties{}, map[string]bool{"s": true}, []string{"arn"})
	require.NoError(t, err)
	got, err := plugin.UnmarshalProperties(wired, ofSDK)
	require.NoError(t, err)
	want := resource.NewPropertyMapFromMap(values)
	want["s"], want["arn"] = resource.MakeSecret(textValue("hidden")), resource.MakeComputed(textValue(""))
	require.Equal(t, want, got)
}

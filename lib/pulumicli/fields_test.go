package pulumicli_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

// What is read of the CLI's files has the names that Pulumi's SDK gives it. The
// SDK's own types are for this test alone: they link gRPC and OpenTelemetry.
func TestWhatIsReadIsWhatTheSDKWrites(t *testing.T) {
	t.Parallel()
	var secrets struct {
		URL          string `json:"url"`
		EncryptedKey string `json:"encryptedkey"`
	}
	for _, c := range []struct{ ours, theirs any }{
		{pulumicli.Deployment{}, apitype.DeploymentV3{}},
		{pulumicli.Event{}, apitype.EngineEvent{}},
	} {
		requireFields(t, reflect.TypeOf(c.ours), reflect.TypeOf(c.theirs), reflect.TypeOf(c.ours).Name())
	}
	// The state of a secrets provider is its own: apitype keeps it raw.
	require.Equal(t, reflect.TypeOf(secrets), reflect.TypeOf(pulumicli.Deployment{}.Secrets.State))
	require.EqualValues(t, pulumicli.OpSame, apitype.OpSame)
}

// requireFields fails where a field of ours is none of theirs, or of another kind.
func requireFields(t *testing.T, ours, theirs reflect.Type, path string) {
	t.Helper()
	ours, theirs = element(ours), element(theirs)
	if ours.Kind() == reflect.Interface || theirs.Kind() == reflect.Interface || theirs == reflect.TypeFor[[]byte]() || theirs.Name() == "RawMessage" || theirs.Name() == "Time" {
		return
	}
	require.Equal(t, theirs.Kind(), ours.Kind(), path)
	if ours.Kind() != reflect.Struct {
		return
	}
	known := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(theirs) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		known[name] = f.Type
	}
	for _, f := range reflect.VisibleFields(ours) {
		if f.Anonymous {
			continue
		}
		name := f.Tag.Get("json")
		require.Contains(t, known, name, path)
		requireFields(t, f.Type, known[name], path+"."+name)
	}
}

// element looks through pointers, lists and maps.
func element(of reflect.Type) reflect.Type {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && of.Elem().Kind() != reflect.Uint8 || of.Kind() == reflect.Map {
		of = of.Elem()
	}
	return of
}

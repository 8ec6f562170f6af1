package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// As Pulumi replaces a version: the new one is made, then the old one deleted.
func TestTheValueBeforeStaysUnderItsStagingLabel(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	secret := l.make(typetoken.Secret, map[string]any{"name": "hook", "recoveryWindowInDays": 0.0})
	versions := l.c.SecretVersions(secret)
	_, ok := versions.At(cloud.CurrentStage)
	require.False(t, ok, "a secret without a version has no value")
	put := func(value string) *cloud.Resource {
		return l.make(typetoken.SecretVersion, map[string]any{"secretId": secret.ARN, "secretString": value})
	}
	value := func(stage string) string {
		v, _ := versions.At(stage)
		return v.Text
	}
	old := put("one")
	require.Equal(t, "one", value(cloud.CurrentStage))
	require.Empty(t, value(cloud.PreviousStage))
	put("two")
	require.NoError(t, l.remove(old))
	require.Equal(t, "two", value(cloud.CurrentStage))
	require.Equal(t, "one", value(cloud.PreviousStage))
	_, err := l.try(typetoken.SecretVersion, map[string]any{"secretId": secret.ARN, "secretString": "x", "versionStages": []any{"AWSPENDING"}})
	require.ErrorContains(t, err, "leave versionStages out")
}

package naming_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/golden"
	"delivery.internal/lib/naming"
)

// TestNamesNeverChange pins every name: a changed name is a replaced resource.
func TestNamesNeverChange(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, env := range append(naming.Environments(), naming.Shared) {
		for _, k := range naming.Kinds() {
			fmt.Fprintln(&b, naming.New(env, "a1b2").Of(k))
		}
	}
	golden.Require(t, "names.golden", b.String(), "a changed name replaces a resource")
}

func TestNamesFitTheirLimitsAndAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, env := range append(naming.Environments(), naming.Shared) {
		for _, k := range naming.Kinds() {
			name := naming.New(env, "abcdefghij12").Of(k)
			require.LessOrEqual(t, len(name), k.Max, name)
			require.False(t, seen[name], "%s is used twice", name)
			seen[name] = true
			require.True(t, strings.HasSuffix(name, "-"+string(env)+"-abcdefghij12"), name)
		}
	}
}

func TestTooLongANameIsCutTheSameWayEveryTime(t *testing.T) {
	t.Parallel()
	k := naming.Kind{Prefix: "a-very-long-resource-type-name", Max: 32}
	got := naming.New(naming.Staging, "a1b2").Of(k)
	require.LessOrEqual(t, len(got), 32)
	require.Equal(t, got, naming.New(naming.Staging, "a1b2").Of(k))
	require.NotEqual(t, got, naming.New(naming.Staging, "a1b2").Of(naming.Kind{Prefix: "a-very-long-resource-type-nam2", Max: 32}))
	require.True(t, strings.HasSuffix(got, "-staging-a1b2"))
}

func TestSuffixThatAWSWouldRefuseIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "a", "A1B2", "a-b", "a_b", "1abc", "abcdefghijklm", "é1"} {
		err := naming.ValidSuffix(bad)
		require.ErrorContains(t, err, fmt.Sprintf("%q", bad))
	}
	for _, good := range []string{"a1", "a1b2", "abcdefghij12"} {
		require.NoError(t, naming.ValidSuffix(good))
	}
}

func TestParseEnvironmentKnowsOnlyDeployableOnes(t *testing.T) {
	t.Parallel()
	for _, e := range naming.Environments() {
		got, err := naming.ParseEnvironment(string(e))
		require.NoError(t, err)
		require.Equal(t, e, got)
	}
	_, err := naming.ParseEnvironment("shared")
	require.Error(t, err)
}

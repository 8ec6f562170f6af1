package naming_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/golden"
	"delivery.internal/lib/naming"
)

// every are the environments that an installation has by default, and shared.
var every = []naming.Environment{naming.Dev, naming.Staging, naming.Prod, naming.Shared}

// TestNamesNeverChange pins every name: a changed name is a replaced resource.
func TestNamesNeverChange(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, env := range every {
		for _, k := range naming.Kinds() {
			fmt.Fprintln(&b, naming.New(env, "a1b2").Of(k))
		}
	}
	golden.Require(t, "names.golden", b.String(), "a changed name replaces a resource")
}

func TestNamesFitTheirLimitsAndAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, env := range every {
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

func TestAnEnvironmentThatNamesCannotCarryIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "q", "QA", "1qa", "qa_1", "-qa", "qa-", "q--a", "q a", "qa/..", "production1", "shared", "bootstrap", "targets", "é1"} {
		err := naming.ValidEnvironment(bad)
		require.ErrorContains(t, err, fmt.Sprintf("%q", bad))
		require.ErrorContains(t, err, "expected 2 to 10 lower-case letters, digits and single hyphens")
	}
	for _, good := range []string{"dev", "staging", "prod", "production", "eu-1", "qa"} {
		require.NoError(t, naming.ValidEnvironment(good))
	}
}

func TestTheLongestEnvironmentKeepsEveryNameWithinItsLimit(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range naming.Kinds() {
		name := naming.New("production", "abcdefghij12").Of(k)
		require.LessOrEqual(t, len(name), k.Max, name)
		require.True(t, strings.HasSuffix(name, "-production-abcdefghij12"), name)
		require.Regexp(t, "^[a-z]", name)
		require.False(t, seen[name], "%s is used twice", name)
		seen[name] = true
	}
}

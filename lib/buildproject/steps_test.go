package buildproject_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

func TestEveryStepHasNamesOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range buildproject.Steps() {
		for _, k := range []naming.Kind{s.Kinds.Project, s.Kinds.Role, s.Kinds.Policy, s.Kinds.Logs} {
			require.True(t, slices.Contains(naming.Kinds(), k), "%s is not among the kinds that the golden names hold", k.Prefix)
			require.False(t, seen[k.Prefix], k.Prefix)
			require.True(t, strings.HasPrefix(k.Prefix, s.Verb+"-"), k.Prefix)
			seen[k.Prefix] = true
		}
	}
}

// TestOnlyARecordingStepWritesTheRecord holds what a step says of itself to
// what its policy grants.
func TestOnlyARecordingStepWritesTheRecord(t *testing.T) {
	t.Parallel()
	for _, s := range buildproject.Steps() {
		granted := strings.Join(grants(t, made(t, s, naming.Prod)), "\n")
		require.Equal(t, s.Records, strings.Contains(granted, "s3:PutObject arn:aws:s3:::ledger-bucket-"), s.Verb)
		require.Equal(t, s.Records, strings.Contains(granted, "events:PutEvents"), s.Verb)
		require.Equal(t, s.Target == buildproject.ChangeTarget, strings.Contains(granted, "role/deploy-role-"), s.Verb)
	}
}

func TestTheRolesOfTheStepsAreFoundByWhatTheyDo(t *testing.T) {
	t.Parallel()
	s := plantest.Settings()
	roles := func(match func(buildproject.Step) bool) []string {
		return buildproject.Roles(s.Delivery(), s.Namer(naming.Dev), match)
	}
	preview, deploy := "arn:aws:iam::111122223333:role/preview-build-role-dev-a1b2", "arn:aws:iam::111122223333:role/deploy-build-role-dev-a1b2"
	require.Equal(t, []string{preview, deploy}, roles(buildproject.Every))
	require.Equal(t, []string{deploy}, roles(buildproject.Recording))
	require.Equal(t, []string{preview}, roles(buildproject.Assuming(buildproject.ReadTarget)))
	require.Equal(t, []string{deploy}, roles(buildproject.Assuming(buildproject.ChangeTarget)))
	require.Empty(t, roles(buildproject.Assuming("any")))
}

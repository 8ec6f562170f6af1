package rehearsal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/leastprivilege"
)

// callsNeedThePolicies is the short form of make prove-least-privilege. Reasons
// that speak of nothing are no fault here: these scenarios play more than the
// main job does.
func (s *stage) callsNeedThePolicies(t *testing.T) {
	reasons, err := leastprivilege.Reasons()
	require.NoError(t, err)
	result, err := leastprivilege.Prove(s.calls)
	require.NoError(t, err)
	_, unlisted, _ := result.Listed(reasons)
	require.Empty(t, unlisted, "take it out of the policy, or list it with its reason and page in lib/leastprivilege/reasons.json")
	require.Empty(t, result.NeverCarried)
	require.Greater(t, result.Statements, 200)
	t.Logf("%d calls, %d parts taken out, %d noticed", result.Calls, result.Tried, result.Noticed)
}

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/encryption"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

// TestThePlatformKeyAndTheRolesThatUseItGrantTheSame holds together what two
// projects say.
func TestThePlatformKeyAndTheRolesThatUseItGrantTheSame(t *testing.T) {
	t.Parallel()
	s := plantest.Settings()
	keys := map[string]iampolicy.Document{plantest.Key(naming.Shared): encryption.Platform(s)}
	asked, differ, err := plantest.UnequalKeyGrants(with(t, s.Environments), keys, s.Delivery(), naming.Shared)
	require.NoError(t, err)
	require.Empty(t, differ)
	require.Positive(t, asked)
}

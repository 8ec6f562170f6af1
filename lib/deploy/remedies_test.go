package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

func TestEveryClassHasARemedy(t *testing.T) {
	t.Parallel()
	for _, c := range []pulumicli.Class{pulumicli.Unknown, pulumicli.Transient, pulumicli.Locked, pulumicli.SnapshotLost, pulumicli.Interrupted, pulumicli.AccessDenied, pulumicli.ExpiredToken, pulumicli.NoBucket, pulumicli.BadSecrets, pulumicli.CorruptState, pulumicli.NoStack, pulumicli.PlanViolated, pulumicli.PendingChanges, pulumicli.ProgramOrDeploy} {
		require.NotEmpty(t, remedies[c], c)
	}
}

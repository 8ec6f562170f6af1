package ssm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/ssm"
)

func TestVersionsCountFromOne(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, 1, ssm.NextVersion(nil))
	require.EqualValues(t, 2, ssm.NextVersion(1.0))
	require.EqualValues(t, 8, ssm.NextVersion(7.0))
}

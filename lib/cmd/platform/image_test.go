package main

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
)

// Not parallel: the whole process gets the interrupt.
func TestAnInterruptEndsTheWaitForTheImage(t *testing.T) {
	err := interruptible(func(_ *platform.Platform, ctx context.Context) error {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGINT))
		<-ctx.Done()
		return ctx.Err()
	})(nil, t.Context())
	require.ErrorIs(t, err, context.Canceled)
}

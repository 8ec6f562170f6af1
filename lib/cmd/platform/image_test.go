package main

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Not parallel: the whole process gets the interrupt.
func TestAnInterruptEndsTheWaitForTheImage(t *testing.T) {
	o := &options{yes: true}
	ctx, stop := o.interruptible(t.Context())
	defer stop()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGINT))
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

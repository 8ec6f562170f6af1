package deploy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

// failing is a command that fails a number of times.
func failing(n int, f *Failure, calls *int) func(bool) error {
	return func(bool) error {
		*calls++
		if *calls <= n {
			return f
		}
		return nil
	}
}

func TestRetryRepeatsOnlyWhatIsSafe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failure *Failure
		calls   int
	}{
		"transient":             {&Failure{Class: pulumicli.Transient}, 4},
		"locked":                {&Failure{Class: pulumicli.Locked}, 4},
		"transient after steps": {&Failure{Class: pulumicli.Transient, Stepped: true}, 1},
		"snapshot lost":         {&Failure{Class: pulumicli.SnapshotLost}, 1},
		"pending":               {&Failure{Class: pulumicli.PendingChanges}, 1},
		"denied":                {&Failure{Class: pulumicli.AccessDenied}, 1},
		"expired":               {&Failure{Class: pulumicli.ExpiredToken}, 1},
		"program":               {&Failure{Class: pulumicli.ProgramOrDeploy}, 1},
		"unknown":               {&Failure{Class: pulumicli.Unknown}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := DefaultRetry(nil).run(t.Context(), failing(3, c.failure, &calls))
				require.Equal(t, c.calls, calls)
				require.Equal(t, c.calls == 1, err != nil)
			})
		})
	}
}

// With the greatest jitter the waits are Base, 2 Base, 4 Base ... up to Cap.
func TestRetryBacksOffExponentiallyWithFullJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := Retry{Tries: 6, Base: 2 * time.Second, Cap: 10 * time.Second, Random: func() float64 { return 1 }}
		var at []time.Duration
		start := time.Now()
		err := r.run(t.Context(), func(bool) error {
			at = append(at, time.Since(start))
			return &Failure{Class: pulumicli.Transient}
		})
		require.Error(t, err)
		require.Equal(t, []time.Duration{0, 2 * time.Second, 6 * time.Second, 14 * time.Second, 24 * time.Second, 34 * time.Second}, at)
	})
}

func TestRetryWaitsForALockByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := Retry{Tries: 2, Base: time.Second, Cap: 30 * time.Second, LockPatience: 15 * time.Minute, Random: func() float64 { return 1 }}
		start, calls := time.Now(), 0
		err := r.run(t.Context(), failing(1000, &Failure{Class: pulumicli.Locked}, &calls))
		require.ErrorContains(t, err, "another run holds the stack for too long")
		require.LessOrEqual(t, time.Since(start), 15*time.Minute)
		require.Greater(t, time.Since(start), 14*time.Minute)
		require.Greater(t, calls, 20)
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { stop(errors.New("told to stop")) })
		calls := 0
		r := Retry{Tries: 2, Base: time.Hour, Cap: time.Hour, LockPatience: 9 * time.Hour, Random: func() float64 { return 1 }}
		err := r.run(ctx, failing(1000, &Failure{Class: pulumicli.Locked, Command: "up x"}, &calls))
		require.ErrorContains(t, err, "interrupted while waiting for another try")
		require.ErrorContains(t, err, "pulumi up x failed (locked")
		require.Equal(t, 1, calls)
	})
}

func TestALookAtTheLockThatIsInterruptedIsAPartOfTheWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		err := DefaultRetry(nil).run(ctx, func(again bool) error {
			if !again {
				return &Failure{Class: pulumicli.Locked, Text: "the stack is locked by ada"}
			}
			stop()
			return &Failure{Text: "the locks can't be listed", Err: ctx.Err()}
		})
		require.ErrorContains(t, err, "interrupted while waiting for another try")
		require.ErrorContains(t, err, "the stack is locked by ada; the run was interrupted before it changed anything here")

		ctx, stop = context.WithCancel(t.Context())
		err = DefaultRetry(nil).run(ctx, func(again bool) error {
			if !again {
				return &Failure{Class: pulumicli.Locked, Text: "the stack is locked by ada"}
			}
			stop()
			return &Failure{Command: "up x", Class: pulumicli.Interrupted, Stepped: true, Err: ctx.Err()}
		})
		require.ErrorContains(t, err, "pulumi up x failed (interrupted", "what the CLI has begun is not hidden")
		require.ErrorContains(t, err, remedies[pulumicli.Interrupted])
	})
}

func TestRetryTellsTheCommandThatItIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var again []bool
		require.NoError(t, DefaultRetry(nil).run(t.Context(), func(a bool) error {
			again = append(again, a)
			if len(again) < 3 {
				return &Failure{Class: pulumicli.Transient}
			}
			return nil
		}))
		require.Equal(t, []bool{false, true, true}, again)
	})
}

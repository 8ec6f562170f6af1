package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"delivery.internal/lib/pulumicli"
)

// Failure is a command of the CLI that failed.
type Failure struct {
	// Command is what was run, for instance "up messaging".
	Command string
	// Code is the exit code.
	Code int
	// Class is what the failure means.
	Class pulumicli.Class
	// Stepped is true when a resource operation had begun.
	Stepped bool
	// Text is the end of what the CLI said.
	Text string
	// Err is how the process ended.
	Err error
}

// Error says what failed, how, and what to do.
func (f *Failure) Error() string { return f.what() + "; " + f.remedy() }

// what is the failure without what to do about it. Without a command it is
// what the deployer saw itself.
func (f *Failure) what() string {
	if f.Command == "" {
		return f.Text
	}
	return fmt.Sprintf("pulumi %s failed (%s, exit code %d): %s", f.Command, f.Class, f.Code, f.Text)
}

func (f *Failure) remedy() string {
	if f.Class == pulumicli.Interrupted && !f.Stepped {
		return "the run was interrupted before it changed anything here"
	}
	return remedies[f.Class]
}

// Unwrap returns how the process ended.
func (f *Failure) Unwrap() error { return f.Err }

// classOf returns the class of a failed command; pulumicli.Unknown if err is none.
func classOf(err error) pulumicli.Class {
	var f *Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return pulumicli.Unknown
}

// repeatable says whether a command may be started again.
func repeatable(err error) bool {
	var f *Failure
	return errors.As(err, &f) && !f.Stepped && (f.Class == pulumicli.Transient || f.Class == pulumicli.Locked)
}

// Retry is the patience of the deployer.
type Retry struct {
	// Tries is how often a command that met a transient fault is run.
	Tries int
	// Base and Cap bound the waits: each is random between zero and
	// Base * 2^n, at most Cap ("full jitter"), so that those who failed
	// together do not come back together.
	Base, Cap time.Duration
	// LockPatience is how long to wait for a lock that somebody else holds.
	LockPatience time.Duration
	// Random returns a number from 0 up to 1; nil means math/rand.
	Random func() float64
	// Log is told about each wait.
	Log *slog.Logger
}

// DefaultRetry fits a build that may take an hour.
func DefaultRetry(log *slog.Logger) Retry {
	return Retry{Tries: 6, Base: 2 * time.Second, Cap: 30 * time.Second, LockPatience: 15 * time.Minute, Log: log}
}

// run runs a command until it succeeds or must not be run again. The command
// learns whether it is run again.
func (r Retry) run(ctx context.Context, command func(again bool) error) error {
	w := &waiting{Retry: r, started: time.Now()}
	var before, last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		before = last
		last = command(before != nil)
		w.class = classOf(last)
		if last != nil && (!repeatable(last) || ctx.Err() != nil) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(w), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, wait time.Duration) {
		if r.Log != nil {
			r.Log.Warn("waiting before another try", "class", string(w.class), "wait", wait.Round(time.Millisecond).String(), "error", err.Error())
		}
	}))
	switch {
	case err != nil && last != nil && !errors.Is(err, last):
		return interruptedWaiting(err, last)
	case before != nil && onlyLooked(last) && errors.Is(last, context.Canceled):
		return interruptedWaiting(last, before)
	}
	return err
}

func interruptedWaiting(by, before error) error {
	return &Failure{Class: pulumicli.Interrupted, Text: fmt.Sprintf("interrupted while waiting for another try (%v): %s", by, what(before)), Err: errors.Join(by, before)}
}

// onlyLooked says whether the deployer itself failed, before it ran the CLI:
// it looks whether the stack is still locked, which is a part of the waiting.
func onlyLooked(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Command == ""
}

func what(err error) string {
	var f *Failure
	if errors.As(err, &f) {
		return f.what()
	}
	return err.Error()
}

// waiting is the BackOff of one command: transient faults are counted, a held
// lock is waited for by the clock.
type waiting struct {
	Retry
	started time.Time
	class   pulumicli.Class
	faults  int
	waits   int
}

// Reset implements backoff.BackOff.
func (w *waiting) Reset() { w.faults, w.waits = 0, 0 }

// NextBackOff implements backoff.BackOff.
func (w *waiting) NextBackOff() time.Duration {
	wait := w.jitter()
	w.waits++
	if w.class == pulumicli.Locked {
		if time.Since(w.started)+wait > w.LockPatience {
			return backoff.Stop
		}
		return wait
	}
	if w.faults++; w.faults >= w.Tries {
		return backoff.Stop
	}
	return wait
}

func (w *waiting) jitter() time.Duration {
	random := w.Random
	if random == nil {
		random = rand.Float64
	}
	ceiling := w.Cap
	if w.waits < 20 {
		ceiling = min(ceiling, w.Base<<w.waits)
	}
	return time.Duration(random() * float64(ceiling))
}

package main

import (
	"testing"

	"delivery.internal/lib/plantest"
)

// TestDumpResources writes what make permissions-diff compares.
func TestDumpResources(t *testing.T) {
	t.Parallel()
	for _, env := range plantest.Settings().Environments.Names() {
		plantest.Dump(t, "targets", string(env), plantest.Run(t, "targets", string(env), config(nil), program, stacks()))
	}
}

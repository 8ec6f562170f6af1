package main

import (
	"testing"

	"delivery.internal/lib/plantest"
)

// TestDumpResources writes what make permissions-diff compares.
func TestDumpResources(t *testing.T) {
	t.Parallel()
	plantest.Dump(t, "shared", plantest.Suffix, run(t, nil))
}

package environment_test

import (
	"testing"

	"delivery.internal/lib/plantest"
	"delivery.internal/lib/stackrefs"
)

// TestDumpResources writes what make permissions-diff compares.
func TestDumpResources(t *testing.T) {
	t.Parallel()
	for _, e := range plantest.Settings().Environments {
		plantest.Dump(t, stackrefs.EnvironmentProject(e.Name), plantest.Suffix, run(t, e))
	}
}

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/buildproject"
)

func TestEveryBuildOfAnEnvironmentHasItsCommand(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range command(commands{}).Commands() {
		names = append(names, c.Name())
	}
	for _, step := range buildproject.Steps() {
		require.Contains(t, names, step.Verb)
	}
}

package pipelinevar_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/pipelinevar"
)

func TestVariablesAreFoundAndResolved(t *testing.T) {
	t.Parallel()
	require.Equal(t, []pipelinevar.Variable{{"a", "b", "#{a.b}"}, {"c", "", "#{c}"}, {"d", "e", "#{d.e"}}, pipelinevar.In("x #{a.b}#{c} #{d.e"))
	require.Empty(t, pipelinevar.In("#a {b}"))
	require.False(t, pipelinevar.In("#{d.e")[0].Closed())
	upper := func(v pipelinevar.Variable) string { return v.Name + "!" }
	require.Equal(t, "x b! ! y", pipelinevar.Resolve("x #{a.b} #{c} y", upper))
}

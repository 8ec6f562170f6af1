package operator

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestTheRemovalTakesEveryStackOfTheSample(t *testing.T) {
	t.Parallel()
	text, err := Removal(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	var manifest struct {
		Stacks []struct {
			Path   string `yaml:"path"`
			Remove bool   `yaml:"remove"`
		} `yaml:"stacks"`
	}
	require.NoError(t, yaml.Unmarshal(text, &manifest))
	require.NotEmpty(t, manifest.Stacks)
	for _, s := range manifest.Stacks {
		require.True(t, s.Remove, s.Path)
	}
	_, err = Removal(t.TempDir())
	require.ErrorContains(t, err, "delivery.yaml")
}

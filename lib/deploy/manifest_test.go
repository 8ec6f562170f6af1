package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManifestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "lists no stack"},
		"not YAML":          {"stacks: [", "is not readable"},
		"unknown key":       {"stacks: [{name: a, path: a, dependson: [b]}]", "field dependson not found"},
		"two documents":     {"stacks: [{name: a, path: a}]\n---\nstacks: []", "more than one document"},
		"bad name":          {"stacks: [{name: A b, path: a}]", `stack name "A b" is not usable`},
		"same name":         {"stacks: [{name: a, path: a}, {name: a, path: b}]", `stack name "a" is used twice`},
		"no path":           {"stacks: [{name: a}]", `stack "a" has no path`},
		"path outside":      {"stacks: [{name: a, path: ../a}]", `path "../a" of stack "a" leaves the repository`},
		"absolute path":     {"stacks: [{name: a, path: /etc}]", `path "/etc" of stack "a" leaves the repository`},
		"same path":         {"stacks: [{name: a, path: x}, {name: b, path: ./x/}]", `stacks "a" and "b" have the same path`},
		"unknown upstream":  {"stacks: [{name: a, path: a, dependsOn: [b]}]", `stack "a" depends on "b", which is not listed`},
		"same upstream":     {"stacks: [{name: a, path: a, dependsOn: [b, b]}, {name: b, path: b}]", `stack "a" depends on "b" twice`},
		"removed upstream":  {"stacks: [{name: a, path: a, dependsOn: [b]}, {name: b, path: b, remove: true}]", `stack "a" depends on "b", which is to be removed`},
		"circle":            {"stacks: [{name: a, path: a, dependsOn: [b]}, {name: b, path: b, dependsOn: [a]}]", "in a circle (a -> b -> a)"},
		"its own upstream":  {"stacks: [{name: a, path: a, dependsOn: [a]}]", "in a circle (a -> a)"},
		"several sentences": {"stacks: [{name: a}, {name: B, path: b}]", "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseManifest([]byte(c.text))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestMissingManifestIsExplained(t *testing.T) {
	t.Parallel()
	_, err := ReadManifest(t.TempDir())
	require.ErrorContains(t, err, "delivery.yaml is missing at the root of the repository")
}

func TestOrderDeploysUpstreamFirstAndRemovesItLast(t *testing.T) {
	t.Parallel()
	needs := map[string][]string{"network": nil, "data": {"network"}, "queue": {"network"}, "service": {"data", "queue"}, "lone": nil}
	for name, c := range map[string]struct {
		removed []string
		want    [][]string
	}{
		"nothing removed": {nil, [][]string{{"lone", "network"}, {"data", "queue"}, {"service"}}},
		"a leaf":          {[]string{"service"}, [][]string{{"lone", "network"}, {"data", "queue"}, {"service"}}},
		"a branch":        {[]string{"service", "data"}, [][]string{{"lone", "network"}, {"queue"}, {"service"}, {"data"}}},
		"everything":      {[]string{"network", "data", "queue", "service", "lone"}, [][]string{{"service"}, {"data", "queue"}, {"lone", "network"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			removed := map[string]bool{}
			for _, r := range c.removed {
				removed[r] = true
			}
			got, err := order(needs, removed)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestFoundReferencesCanCloseACircle(t *testing.T) {
	t.Parallel()
	m, err := ParseManifest([]byte("stacks: [{name: a, path: a}, {name: b, path: b, dependsOn: [a]}]"))
	require.NoError(t, err)
	_, err = order(m.edges(map[string][]string{"a": {"b"}}), nil)
	require.ErrorContains(t, err, "in a circle (a -> b -> a): break it by removing a dependency in delivery.yaml or a StackReference")
}

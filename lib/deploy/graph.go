package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// waves orders a graph: every node of a wave needs only nodes of earlier waves.
func waves(needs map[string][]string) ([][]string, error) {
	left := maps.Clone(needs)
	var out [][]string
	for len(left) > 0 {
		var wave []string
		for name, on := range left {
			if !slices.ContainsFunc(on, func(d string) bool { _, waiting := left[d]; return waiting }) {
				wave = append(wave, name)
			}
		}
		if len(wave) == 0 {
			return nil, fmt.Errorf("the stacks depend on each other in a circle (%s): break it by removing a dependency in %s or a StackReference", strings.Join(circle(left), " -> "), ManifestName)
		}
		slices.Sort(wave)
		for _, name := range wave {
			delete(left, name)
		}
		out = append(out, wave)
	}
	return out, nil
}

// circle finds one circle in a graph in which every node waits for another.
func circle(left map[string][]string) []string {
	at := slices.Min(slices.Collect(maps.Keys(left)))
	var path []string
	for {
		if i := slices.Index(path, at); i >= 0 {
			return append(path[i:], at)
		}
		path = append(path, at)
		for _, d := range left[at] {
			if _, waiting := left[d]; waiting {
				at = d
				break
			}
		}
	}
}

// order arranges stacks for a run: deployments first, what is needed before
// its dependents; then removals, dependents before what they need. Removals
// come last so that a stack that gave up a dependency has done so before the
// dependency goes.
func order(needs map[string][]string, removed map[string]bool) ([][]string, error) {
	all, err := waves(needs)
	if err != nil {
		return nil, err
	}
	var kept, gone [][]string
	for _, wave := range all {
		var k, g []string
		for _, name := range wave {
			if removed[name] {
				g = append(g, name)
			} else {
				k = append(k, name)
			}
		}
		if len(k) > 0 {
			kept = append(kept, k)
		}
		if len(g) > 0 {
			gone = append(gone, g)
		}
	}
	slices.Reverse(gone)
	return append(kept, gone...), nil
}

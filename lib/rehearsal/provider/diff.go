package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// changedKeys lists the top-level properties that differ. What is not given any
// more does not count where AWS keeps what it has.
func changedKeys(old, news properties, ignore []string, computed func(string) bool) []string {
	var out []string
	add := func(k string) {
		if !slices.Contains(ignore, k) && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	for k, v := range news.values {
		before, had := old.values[k]
		if !had || !same(before, v) {
			add(k)
		}
	}
	for k := range news.unknown {
		add(k)
	}
	for k := range old.values {
		_, given := news.values[k]
		if !given && !news.unknown[k] && !computed(k) {
			add(k)
		}
	}
	slices.Sort(out)
	return out
}

// same compares values; JSON texts by what they say, assets by their hash.
func same(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	if x, y := hashOf(a), hashOf(b); x != "" || y != "" {
		return x == y
	}
	s, ok1 := a.(string)
	t, ok2 := b.(string)
	if !ok1 || !ok2 {
		return false
	}
	var x, y any
	if json.Unmarshal([]byte(s), &x) != nil || json.Unmarshal([]byte(t), &y) != nil {
		return false
	}
	_, isObject := x.(map[string]any)
	return isObject && reflect.DeepEqual(x, y)
}

func hashOf(v any) string {
	m, _ := v.(map[string]any)
	if m["load"] == nil {
		return ""
	}
	h, _ := m["hash"].(string)
	return h
}

// diff says what an update would change, and whether it replaces.
func (k *Kind) diff(c *Call, old, news properties, ignore []string) *pulumirpc.DiffResponse {
	changed := changedKeys(old, news, ignore, func(p string) bool { return k.Inputs[p].Computed })
	out := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE, Diffs: changed}
	if len(changed) == 0 {
		return out
	}
	out.Changes = pulumirpc.DiffResponse_DIFF_SOME
	for _, p := range changed {
		if k.Inputs[p].Replace {
			out.Replaces = append(out.Replaces, p)
		}
	}
	if k.Replaces != nil {
		for _, p := range k.Replaces(c) {
			if slices.Contains(changed, p) && !slices.Contains(out.Replaces, p) {
				out.Replaces = append(out.Replaces, p)
			}
		}
	}
	out.HasDetailedDiff, out.DetailedDiff = true, detailedDiff(changed, out.Replaces, old, news)
	return out
}

// detailedDiff lists the changes by path, which is what plans and diffs show.
func detailedDiff(changed, replaces []string, old, news properties) map[string]*pulumirpc.PropertyDiff {
	out := map[string]*pulumirpc.PropertyDiff{}
	for _, p := range changed {
		before, after := old.values[p], news.values[p]
		if news.unknown[p] {
			after = news.partial[p]
		}
		compare(p, before, after, slices.Contains(replaces, p), out)
	}
	return out
}

// compare descends to what differs. Inputs are compared, never outputs.
func compare(path string, before, after any, replaces bool, out map[string]*pulumirpc.PropertyDiff) {
	switch x := before.(type) {
	case map[string]any:
		if y, ok := after.(map[string]any); ok && x["load"] == nil && y["load"] == nil {
			for _, k := range slices.Sorted(maps.Keys(mergedMaps(x, y))) {
				compare(path+member(k), x[k], y[k], replaces, out)
			}
			return
		}
	case []any:
		if y, ok := after.([]any); ok {
			for i := range max(len(x), len(y)) {
				compare(fmt.Sprintf("%s[%d]", path, i), element(x, i), element(y, i), replaces, out)
			}
			return
		}
	}
	if before == nil && after == nil || same(before, after) {
		return
	}
	out[path] = &pulumirpc.PropertyDiff{Kind: kindOf(before, after, replaces), InputDiff: true}
}

func kindOf(before, after any, replaces bool) pulumirpc.PropertyDiff_Kind {
	kind, replacing := pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE
	switch {
	case before == nil:
		kind, replacing = pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE
	case after == nil:
		kind, replacing = pulumirpc.PropertyDiff_DELETE, pulumirpc.PropertyDiff_DELETE_REPLACE
	}
	if replaces {
		return replacing
	}
	return kind
}

func mergedMaps(x, y map[string]any) map[string]any {
	out := maps.Clone(x)
	maps.Copy(out, y)
	return out
}

func element(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}

var plainName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// member is a step of a property path.
func member(name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	return fmt.Sprintf("[%q]", name)
}

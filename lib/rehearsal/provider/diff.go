package provider

import (
	"encoding/json"
	"reflect"
	"slices"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// changes lists the top-level properties that differ. What is not given any
// more does not count where AWS keeps what it has.
func changes(old, news properties, ignore []string, computed func(string) bool) []string {
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
	if x, y := hash(a), hash(b); x != "" || y != "" {
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

func hash(v any) string {
	m, _ := v.(map[string]any)
	if m["load"] == nil {
		return ""
	}
	h, _ := m["hash"].(string)
	return h
}

func (k *Kind) diff(c *Call, old, news properties, ignore []string) *pulumirpc.DiffResponse {
	changed := changes(old, news, ignore, func(p string) bool { return k.Inputs[p].Computed })
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
	return out
}

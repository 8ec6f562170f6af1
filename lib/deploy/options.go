package deploy

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"delivery.internal/lib/pulumicli"
)

// opOptions is ours: options of a resource change, in the state alone. The
// engine calls that "same", but who approves should see that a protection goes.
const opOptions = "options"

// optionChanges returns the options that a run changes of resources that stay,
// for the review.
func optionChanges(all []pulumicli.Step, p plan, state State) []Change {
	changed := map[string][]string{}
	for _, m := range all {
		if m.Old == nil || m.New == nil {
			continue
		}
		if m.Old.Protect != m.New.Protect {
			changed[m.URN] = append(changed[m.URN], "protect")
		}
		if m.Old.RetainOnDelete != m.New.RetainOnDelete {
			changed[m.URN] = append(changed[m.URN], "retainOnDelete")
		}
	}
	for urn, now := range kept(p, state) {
		if !sameOption("customTimeouts", now.goal["customTimeouts"], now.state.CustomTimeouts) {
			changed[urn] = append(changed[urn], "customTimeouts")
		}
	}
	var out []Change
	for urn, names := range changed {
		slices.Sort(names)
		out = append(out, Change{URN: urn, Op: opOptions, Paths: slices.Compact(names)})
	}
	return out
}

// idle says whether a run that shows no change would leave the state as it is:
// no default provider comes or goes, and no resource gets another name, parent,
// provider or dependency. Nobody has to see these, but the state needs them.
func idle(all []pulumicli.Step, p plan, state State) bool {
	for _, m := range all {
		switch {
		case defaultProvider(m.URN, m.Type) && m.Op == opUpdate, reads[m.Op]:
			continue // this run's session; a StackReference, which is read by every run
		case m.Op != opSame:
			return false
		case m.Old == nil || m.New == nil:
			continue
		case m.Old.URN != m.New.URN || m.Old.Parent != m.New.Parent || m.Old.Provider != m.New.Provider:
			return false
		}
	}
	for _, now := range kept(p, state) {
		if !sameOption("dependencies", now.goal["dependencies"], now.state.Dependencies) {
			return false
		}
	}
	return true
}

type goalAndState struct {
	goal  map[string]any
	state pulumicli.ResourceOptions
}

// kept are the resources that are in the plan and in the state.
func kept(p plan, state State) map[string]goalAndState {
	out := map[string]goalAndState{}
	for urn, r := range p.resources {
		fields, _ := r.(map[string]any)
		goal, planned := fields["goal"].(map[string]any)
		if options, found := state.options[urn]; planned && found {
			out[urn] = goalAndState{goal, options}
		}
	}
	return out
}

// sameOption says whether two values of an option mean the same: one that is
// not set and one that is empty do, and so do lists in another order. A
// provider is named by URN and id, of which the id is unknown before the
// provider exists.
func sameOption(name string, a, b any) bool {
	if name == "provider" {
		return withoutID(a) == withoutID(b)
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// plain drops what is empty from an option and sorts its lists.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if e := plain(e); e != nil {
				out[k] = e
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := slices.Clone(v)
		slices.SortFunc(out, compareText)
		return out
	}
	return v
}

func compareText(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

func withoutID(reference any) string {
	text := fmt.Sprint(reference)
	if i := strings.LastIndex(text, "::"); i >= 0 {
		return text[:i]
	}
	return text
}

package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// assumeRole is the provider's setting that the deployer fills.
const assumeRole = "assumeRole"

// Session is who the provider is in the target account during a run.
type Session struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

// plan is the part of a saved plan that is read here; everything else is kept
// as it is.
type plan struct {
	doc       map[string]any
	resources map[string]any
}

func parsePlan(text []byte) (plan, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return plan{}, fmt.Errorf("the saved plan is not readable: %w", err)
	}
	resources, ok := doc["resourcePlans"].(map[string]any)
	if !ok {
		return plan{}, fmt.Errorf("the saved plan names no resources: expected resourcePlans, as Pulumi %s writes it", pinned)
	}
	return plan{doc, resources}, nil
}

// pinned is the version whose plan format this file knows.
const pinned = "v3.255.0"

// rewritePlan gives a plan that was made in one session to another. The plan
// holds the default providers' inputs, and `pulumi up --plan` refuses a
// provider whose role or session differs ("violates plan: properties changed:
// ~~assumeRole", measured). Exactly those two strings are replaced, only in
// default providers; everything that was reviewed stays.
func rewritePlan(text []byte, from, to Session) ([]byte, error) {
	p, err := parsePlan(text)
	if err != nil {
		return nil, err
	}
	for urn, r := range p.resources {
		parts := strings.Split(urn, "::")
		if len(parts) == 4 && defaultProvider(urn, parts[2]) {
			p.resources[urn] = rewriteIn(r, false, from, to)
		}
	}
	return json.MarshalIndent(p.doc, "", "    ")
}

// rewriteIn walks a value; inside says whether it is below assumeRole, which
// the engine keeps as a JSON text.
func rewriteIn(v any, inside bool, from, to Session) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = rewriteIn(e, inside || k == assumeRole, from, to)
		}
	case []any:
		for i, e := range v {
			v[i] = rewriteIn(e, inside, from, to)
		}
	case string:
		if inside {
			return swap(swap(v, from.Role, to.Role), from.Name, to.Name)
		}
	}
	return v
}

// swap replaces a whole string: as it is, or quoted in a JSON text.
func swap(text, from, to string) string {
	if text == from {
		return to
	}
	return strings.ReplaceAll(text, `"`+from+`"`, `"`+to+`"`)
}

// outputChanges returns the stack outputs that a plan changes, as a Change.
// The plan compares real values, so secret outputs count too.
func outputChanges(p plan) []Change {
	for urn, r := range p.resources {
		if !strings.Contains(urn, "::"+rootType+"::") {
			continue
		}
		goal, _ := r.(map[string]any)["goal"].(map[string]any)
		diff, _ := goal["outputDiff"].(map[string]any)
		names := map[string]bool{}
		for _, part := range []string{"adds", "updates"} {
			values, _ := diff[part].(map[string]any)
			for name := range values {
				names[name] = true
			}
		}
		deletes, _ := diff["deletes"].([]any)
		for _, d := range deletes {
			names[fmt.Sprint(d)] = true
		}
		if len(names) > 0 {
			return []Change{{URN: urn, Op: opOutputs, Paths: slices.Sorted(maps.Keys(names))}}
		}
	}
	return nil
}

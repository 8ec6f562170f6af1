package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"delivery.internal/lib/sentinel"
)

// A review is written beside the program that it is about. So nothing in it is
// believed that a deployment can find out anew: this file holds what it says
// to the manifest, the states and a new preview.

const notReproduced = "merge another change for a new review, and if it stays so look at what the program does"

// checkDerived refuses a review that claims what does not follow from the
// states and the other reviews: a stack that "was never deployed" may be
// created unseen, and one that does not bind may change as was shown.
func (p *deployment) checkDerived(s Stack, state State, review Review) error {
	reason, waits := p.run.unbound(s, p.reviews)
	unmoved := state.Digest == review.StateDigest
	switch {
	case unmoved && review.Deployed != state.Deployed:
		return fmt.Errorf("the review says deployed: %t, and its state says deployed: %t: %s", review.Deployed, state.Deployed, notReproduced)
	case review.Unbound != reason:
		return fmt.Errorf("the review says %q of why it does not bind, and its dependencies give %q: %s", review.Unbound, reason, notReproduced)
	case review.Previewed == waits:
		return fmt.Errorf("the review says previewed: %t, and its dependencies say previewed: %t: %s", review.Previewed, !waits, notReproduced)
	}
	return nil
}

// checkShown holds a review to a new preview from the same state: the changes,
// their values, and the plan that is to be carried out, with the one that the
// new preview saved.
func (p *deployment) checkShown(review Review, fresh Proposal, planFile string) error {
	if review.Binding() {
		if err := checkFresh(review, fresh.Changes, review.Deployed); err != nil {
			return err
		}
	}
	if more, less := unseen(fresh.Changes, review.Changes), unseen(review.Changes, fresh.Changes); len(more)+len(less) > 0 {
		return fmt.Errorf("a new preview does not show what the review shows (not reviewed: %s; no longer: %s): %s", orNothing(more), orNothing(less), notReproduced)
	}
	if names := differingDetails(review.Details, fresh.Details); len(names) > 0 {
		return fmt.Errorf("a new preview does not show the values that the review shows (%s): %s", strings.Join(names, ", "), notReproduced)
	}
	if err := checkBroadenedShown(review, fresh.Broadened); err != nil {
		return err
	}
	if review.Plan == "" {
		return nil
	}
	now, err := os.ReadFile(planFile)
	if err != nil {
		return err
	}
	differs, err := differingPlans(p.bundle.plans[review.Plan], now)
	if err == nil && len(differs) > 0 {
		err = fmt.Errorf("the reviewed plan allows what a new preview does not want (%s): %s", strings.Join(differs, ", "), notReproduced)
	}
	return err
}

// differingPlans names the resources of which two plans do not allow the same.
// Secrets, which are encrypted anew in each plan, are not compared: the engine
// holds the deployment to those of the plan.
func differingPlans(a, b []byte) ([]string, error) {
	one, err := comparablePlan(a)
	if err != nil {
		return nil, err
	}
	other, err := comparablePlan(b)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, sides := range [][2]map[string]string{{one, other}, {other, one}} {
		for urn, text := range sides[0] {
			if sides[1][urn] != text {
				names = append(names, (Change{URN: urn}).Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// heldPlan is what the engine holds a resource to.
type heldPlan struct {
	Goal  map[string]any `json:"goal"`
	Steps []string       `json:"steps"`
}

// comparablePlan gives each resource a text that is equal for equal plans.
func comparablePlan(text []byte) (map[string]string, error) {
	p, err := parsePlan(text)
	if err != nil {
		return nil, err
	}
	plans, created := map[string]heldPlan{}, map[string]bool{}
	for urn, r := range p.resources {
		encoded, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		var plan heldPlan
		dec := json.NewDecoder(bytes.NewReader(encoded))
		dec.UseNumber()
		if err := dec.Decode(&plan); err != nil {
			return nil, fmt.Errorf("the saved plan of %s is not readable: %w", urn, err)
		}
		if slices.ContainsFunc(plan.Steps, func(step string) bool { return strings.HasPrefix(step, opCreate) }) {
			created[(Change{URN: urn}).Name()] = true
		}
		plans[urn] = plan
	}
	hide := randomNames(created)
	out := map[string]string{}
	for urn, plan := range plans {
		parts := strings.Split(urn, "::")
		ours := len(parts) == 4 && defaultProvider(urn, parts[2])
		if ours {
			plan.Steps = nil // it is updated where the session differs
		}
		plan.Goal, _ = comparableValue(sortedGoal(plan.Goal), ours, hide).(map[string]any)
		encoded, err := json.Marshal(plan)
		if err != nil {
			return nil, err
		}
		out[urn] = string(encoded)
	}
	return out, nil
}

// sortedGoal sorts the sets of URNs in a goal, which the engine compares as
// sets too.
func sortedGoal(goal map[string]any) map[string]any {
	out := maps.Clone(goal)
	if list, ok := out["dependencies"].([]any); ok {
		out["dependencies"] = sortedSet(list)
	}
	if properties, ok := out["propertyDependencies"].(map[string]any); ok {
		sets := map[string]any{}
		for property, urns := range properties {
			if list, ok := urns.([]any); ok {
				urns = sortedSet(list)
			}
			sets[property] = urns
		}
		out["propertyDependencies"] = sets
	}
	return out
}

func sortedSet(list []any) []any {
	return slices.SortedFunc(slices.Values(list), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// comparableValue takes out of a plan's value what differs in every preview:
// ciphertexts, names that are made up, folders, and in the default providers
// the role and session.
func comparableValue(value any, provider bool, hide func(string) string) any {
	switch v := value.(type) {
	case map[string]any:
		if special, ok := marked(v); ok {
			return map[string]any{sentinel.Signature: special}
		}
		out := map[string]any{}
		for key, e := range v {
			if provider && key == assumeRole {
				continue
			}
			out[key] = comparableValue(e, provider, hide)
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, comparableValue(e, provider, hide))
		}
		return out
	case string:
		return hide(workingCopy.ReplaceAllString(v, "(source)"))
	}
	return value
}

package deploy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/permissions"
	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/sentinel"
)

// Broadening is what a change to a resource newly allows, in sentences. It is
// made of the engine's event log, in which secrets are masked: a policy that
// holds one is not known, and what is not known counts as broadened.
type Broadening struct {
	URN string `json:"urn"`
	// Unknown says that not all inputs of the resource are known, so that the
	// sentences may be others once they are.
	Unknown   bool     `json:"unknown,omitempty"`
	Sentences []string `json:"sentences"`
}

func (b Broadening) key() string { return b.URN + "\n" + strings.Join(b.Sentences, "\n") }

// broadened compares what a preview's resources allow before and after.
func broadened(steps []pulumicli.Step) []Broadening {
	changes, judged, created := permissionChanges(steps)
	computed := map[string]bool{}
	for _, c := range changes {
		text, err := json.Marshal(c.After)
		computed[c.URN] = err != nil || bytes.Contains(text, []byte(sentinel.UnknownText))
	}
	hide := randomNames(created)
	var out []Broadening
	for _, f := range permissions.Broadened(permissions.Compare(changes)) {
		if !judged[f.URN] {
			continue
		}
		b := Broadening{URN: f.URN, Unknown: computed[f.URN]}
		for _, one := range f.Broadenings {
			b.Sentences = append(b.Sentences, hide(one.Sentence))
		}
		slices.Sort(b.Sentences)
		b.Sentences = slices.Compact(b.Sentences)
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Broadening) int { return cmp.Compare(a.key(), b.key()) })
	return out
}

// permissionChanges are the steps as changes. Resources that stay are among
// them, because others refer to their policies, but they are not judged. Of a
// replacement the step that creates the successor has both sides.
func permissionChanges(steps []pulumicli.Step) (changes []permissions.Change, judged, created map[string]bool) {
	judged, created = map[string]bool{}, map[string]bool{}
	for _, s := range steps {
		c := permissions.Change{URN: s.URN, Type: s.Type, Before: inputsOf(s.Old), After: inputsOf(s.New)}
		switch {
		case reads[s.Op] || s.Op == "replace" || s.Op == "delete-replaced":
			continue
		case s.Op == opDelete:
			c.After = nil
		case s.Op == opCreate || s.Op == "create-replacement":
			created[(Change{URN: s.URN}).Name()] = true
		}
		judged[s.URN] = judged[s.URN] || s.Op != opSame
		changes = append(changes, c)
	}
	return changes, judged, created
}

// broadenings are those of a review. What a stack that could not be previewed
// will allow, nobody knows.
func (r Review) broadenings() []Broadening {
	if r.Previewed {
		return r.Broadened
	}
	return []Broadening{{Sentences: []string{fmt.Sprintf("stack %s was not previewed, so what it will allow is not known", r.Name)}}}
}

// broadenedWords begin the summary of reviews that broaden something.
func broadenedWords(stacks []Review) string {
	n := 0
	for _, r := range stacks {
		n += len(r.broadenings())
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "PERMISSIONS BROADENED in 1 place; "
	}
	return fmt.Sprintf("PERMISSIONS BROADENED in %d places; ", n)
}

// renderBroadened says by resource what becomes possible, "" for nothing.
func renderBroadened(stacks []Review) string {
	var t strings.Builder
	for _, r := range stacks {
		for _, b := range r.broadenings() {
			c := Change{URN: b.URN}
			if b.URN != "" {
				fmt.Fprintf(&t, "    %s: %s %s\n", r.Name, c.Type(), c.Name())
			} else {
				fmt.Fprintf(&t, "    %s\n", r.Name)
			}
			for _, s := range b.Sentences {
				fmt.Fprintf(&t, "      %s\n", s)
			}
		}
	}
	return t.String()
}

// checkBroadened refuses what would newly be allowed and was not shown: the
// values may be those of the review and yet allow more than what is there now,
// because the state has moved. Of what the review could not know anything may
// come true: it has said so.
func checkBroadened(review Review, fresh []Broadening) error {
	shown, unknowns := map[string]bool{}, map[string]bool{}
	for _, b := range review.Broadened {
		for _, s := range b.Sentences {
			shown[b.URN+"\n"+s] = true
		}
		unknowns[b.URN] = b.Unknown
	}
	var more []string
	for _, b := range fresh {
		for _, s := range b.Sentences {
			if !shown[b.URN+"\n"+s] && !unknowns[b.URN] {
				more = append(more, fmt.Sprintf("%s: %s", (Change{URN: b.URN}).Name(), s))
			}
		}
	}
	if len(more) == 0 {
		return nil
	}
	return fmt.Errorf("it would allow what no review has shown (%s): %s", strings.Join(more, "; "), again)
}

// checkBroadenedShown holds a review to a new preview from the same state: it
// may neither hide a broadening nor invent one.
func checkBroadenedShown(review Review, fresh []Broadening) error {
	if err := checkBroadened(review, fresh); err != nil {
		return err
	}
	if err := checkBroadened(Review{Broadened: fresh}, review.Broadened); err != nil {
		return fmt.Errorf("the review shows broadened permissions that a new preview does not show: %s", notReproduced)
	}
	return nil
}

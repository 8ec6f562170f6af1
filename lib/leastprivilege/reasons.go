package leastprivilege

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

//go:embed reasons.json
var reasonsText []byte

// Reason says why parts that no call of a rehearsal misses are needed all the
// same. In what it says of parts a star stands for any text.
type Reason struct {
	Policy    string `json:"policy"`
	Statement string `json:"statement"`
	// Parts are kinds and values, as in "action kms:Decrypt".
	Parts  []string `json:"parts"`
	Reason string   `json:"reason"`
	Page   string   `json:"page"`
}

// Reasons reads reasons.json.
func Reasons() ([]Reason, error) { return parseReasons(reasonsText) }

func parseReasons(text []byte) ([]Reason, error) {
	var out []Reason
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("reasons.json is not readable: %w", err)
	}
	for i, r := range out {
		if r.Policy == "" || r.Statement == "" || len(r.Parts) == 0 || r.Reason == "" || !strings.HasPrefix(r.Page, "https://") {
			return nil, fmt.Errorf("reasons.json, entry %d (%s %s): expected policy, statement, parts, a reason, and the page that it is from", i, r.Policy, r.Statement)
		}
	}
	return out, nil
}

// excuses says whether the reason speaks of a part.
func (r Reason) excuses(p Part) bool {
	if !like(r.Policy, p.Policy) || !like(r.Statement, p.Statement) {
		return false
	}
	for _, part := range r.Parts {
		if like(part, p.Kind+" "+p.Value) {
			return true
		}
	}
	return false
}

// like compares a text with a pattern, whose only wildcard is a star.
func like(pattern, text string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`)
	return regexp.MustCompile(`^(?s:` + quoted + `)$`).MatchString(text)
}

// Listed splits what was not noticed into parts with a reason and without, and
// returns the reasons that speak of nothing any more.
func (r Result) Listed(reasons []Reason) (listed map[Part]Reason, unlisted []Part, idle []Reason) {
	listed = map[Part]Reason{}
	used := make([]bool, len(reasons))
	for _, p := range r.Unnoticed {
		found := false
		for i, reason := range reasons {
			if reason.excuses(p) {
				used[i] = true
				if !found {
					listed[p], found = reason, true
				}
			}
		}
		if !found {
			unlisted = append(unlisted, p)
		}
	}
	for i, reason := range reasons {
		if !used[i] {
			idle = append(idle, reason)
		}
	}
	return listed, unlisted, idle
}

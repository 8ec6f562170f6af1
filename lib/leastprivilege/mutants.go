package leastprivilege

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The parts of a statement that are taken out.
const (
	partAction    = "action"
	partResource  = "resource"
	partPrincipal = "principal"
	partCondition = "condition" // a whole one
	partValue     = "value"     // one of several of a condition
)

// Part is a part of a statement that allows something.
type Part struct {
	Policy    string `json:"policy"`    // kind and logical name of the resource that carries it
	Statement string `json:"statement"` // its Sid, or its place among those without one
	Kind      string `json:"kind"`      // action, resource, principal, condition or value
	Value     string `json:"value"`     // what is taken out; of a condition operator, key and value
}

// String names the part in one line.
func (p Part) String() string {
	return fmt.Sprintf("%s, statement %s: %s %s", p.Policy, p.Statement, p.Kind, p.Value)
}

// mutant is a document without one part.
type mutant struct {
	Part
	document      string
	operator, key string // of a condition
}

// mutants takes one part at a time out of every statement that allows something.
func mutants(policy, document string) ([]mutant, error) {
	_, statements, err := parse(document)
	if err != nil {
		return nil, fmt.Errorf("policy of %s: %w", policy, err)
	}
	var out []mutant
	for i, s := range statements {
		if s["Effect"] != "Allow" {
			continue
		}
		for n := range cutsOf(s) {
			m, err := without(policy, document, i, n)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
	return out, nil
}

// without is a document of which a statement lacks the nth of its parts. It is
// read anew, because a cut changes it.
func without(policy, document string, statement, n int) (mutant, error) {
	doc, statements, err := parse(document)
	if err != nil {
		return mutant{}, err
	}
	s := statements[statement]
	c := cutsOf(s)[n]
	c.take()
	part := Part{policy, sid(s, statement), c.kind, c.value}
	if c.empties {
		statements = slices.Delete(statements, statement, statement+1)
	}
	doc["Statement"] = statements
	text, err := json.Marshal(doc)
	return mutant{part, string(text), c.operator, c.key}, err
}

// parse reads a document.
func parse(document string) (doc map[string]any, statements []map[string]any, err error) {
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		return nil, nil, err
	}
	for _, s := range list(doc["Statement"]) {
		statements = append(statements, s.(map[string]any)) // the cloud refuses others
	}
	return doc, statements, nil
}

func sid(s map[string]any, i int) string {
	if id, ok := s["Sid"].(string); ok && id != "" {
		return id
	}
	return fmt.Sprint(i)
}

// list is a value that stands for a list of one, too.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// cut takes one part out of a statement; empties says that nothing remains of it.
type cut struct {
	kind, value   string
	operator, key string
	empties       bool
	take          func()
}

func cutsOf(s map[string]any) []cut {
	out := cutsFrom(s, "Action", partAction, "")
	out = append(out, cutsFrom(s, "Resource", partResource, "")...)
	if principal, ok := s["Principal"].(map[string]any); ok {
		for _, kind := range slices.Sorted(maps.Keys(principal)) {
			cuts := cutsFrom(principal, kind, partPrincipal, kind+" ")
			for i := range cuts {
				cuts[i].empties = cuts[i].empties && len(principal) == 1
			}
			out = append(out, cuts...)
		}
	}
	conditions, _ := s["Condition"].(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		keys, _ := conditions[operator].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			out = append(out, cut{kind: partCondition, value: operator + " " + key, operator: operator, key: key, take: func() { delete(keys, key) }})
			if len(list(keys[key])) > 1 {
				out = append(out, cutsFrom(keys, key, partValue, operator+" "+key+" ")...)
			}
		}
	}
	return out
}

// cutsFrom takes one item at a time out of a list.
func cutsFrom(from map[string]any, element, kind, prefix string) []cut {
	all := list(from[element])
	var out []cut
	for i, v := range all {
		out = append(out, cut{kind: kind, value: prefix + fmt.Sprint(v), empties: len(all) == 1, take: func() {
			from[element] = slices.Delete(slices.Clone(all), i, i+1)
			if len(all) == 1 {
				delete(from, element)
			}
		}})
	}
	return out
}

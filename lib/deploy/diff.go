package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"delivery.internal/lib/pulumicli"
)

// Change is one line of a normalised diff: what happens to a resource and
// which of its properties change. It never holds a value, so never a secret.
type Change struct {
	URN   string   `json:"urn"`
	Op    string   `json:"op"` // create, update, replace, delete, import, outputs, ...
	Paths []string `json:"paths,omitempty"`
}

// Operations that reviewers distinguish. outputs is ours: the stack's outputs
// change, which those who read them will see.
const (
	opCreate  = "create"
	opUpdate  = "update"
	opDelete  = "delete"
	opSame    = pulumicli.OpSame
	opOutputs = "outputs"
)

func (c Change) key() string { return c.URN + " " + c.Op + " " + strings.Join(c.Paths, ",") }

// Type returns the type token of the changed resource.
func (c Change) Type() string {
	parts := strings.Split(c.URN, "::")
	if len(parts) < 4 {
		return ""
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:]
}

// Name returns the name of the changed resource in its program.
func (c Change) Name() string { return c.URN[strings.LastIndex(c.URN, "::")+len("::"):] }

// normalise turns an event log into a diff that is equal for equal reviews:
// sorted, without values, without the default providers' role and session.
func normalise(log []byte) ([]Change, error) {
	events, err := pulumicli.Events(log)
	return visible(pulumicli.Steps(events)), err
}

// visible are the steps that change something that reviewers look at.
func visible(all []pulumicli.Step) []Change {
	var out []Change
	for _, m := range all {
		c := Change{URN: m.URN, Op: m.Op, Paths: pathsOf(m)}
		if m.Op == opSame || reads[m.Op] || noise(c, m.Type) {
			continue
		}
		out = append(out, c)
	}
	return sorted(out)
}

// reads are operations that change nothing: every StackReference is read anew
// by every run.
var reads = map[string]bool{"read": true, "read-replacement": true, "read-discard": true}

// sorted orders a diff and drops repetitions: the engine announces a
// replacement's parts and the replacement itself.
func sorted(changes []Change) []Change {
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.key(), b.key()) })
	return slices.CompactFunc(changes, func(a, b Change) bool { return a.key() == b.key() })
}

// pathsOf are the properties that a step changes.
func pathsOf(m pulumicli.Step) []string {
	var paths []string
	switch {
	case len(m.DetailedDiff) > 0:
		paths = slices.Collect(maps.Keys(m.DetailedDiff))
	case len(m.Diffs) > 0:
		paths = slices.Clone(m.Diffs)
	case m.Op == opCreate && m.New != nil:
		paths = slices.Collect(maps.Keys(m.New.Inputs))
	default:
		paths = slices.Clone(m.Keys)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// noise says whether a change is only that a default provider comes, goes, or
// gets this run's role and session. Its region or account changing is none.
func noise(c Change, typ string) bool {
	if !defaultProvider(c.URN, typ) {
		return false
	}
	switch c.Op {
	case opCreate, opDelete:
		return true
	case opUpdate:
		return !slices.ContainsFunc(c.Paths, func(p string) bool { return !strings.HasPrefix(p, assumeRole) })
	}
	return false
}

// unseen returns the changes of fresh that the review did not hold.
func unseen(fresh, reviewed []Change) []Change {
	seen := map[string]bool{}
	for _, c := range reviewed {
		seen[c.key()] = true
	}
	var out []Change
	for _, c := range fresh {
		if !seen[c.key()] {
			out = append(out, c)
		}
	}
	return out
}

// describe lists changes in a sentence, cut to a few.
func describe(changes []Change) string { return list(changes, Change.Name) }

// located is describe with whole URNs.
func located(changes []Change) string { return list(changes, func(c Change) string { return c.URN }) }

func list(changes []Change, name func(Change) string) string {
	const most = 5
	var parts []string
	for _, c := range changes[:min(most, len(changes))] {
		part := c.Op + " " + name(c)
		if len(c.Paths) > 0 && c.Op != opCreate {
			part += " (" + strings.Join(c.Paths, ", ") + ")"
		}
		parts = append(parts, part)
	}
	if more := len(changes) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

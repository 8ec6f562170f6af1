package deploy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/sentinel"
)

// Detail is what happens to a resource, or to the outputs of a stack, value by
// value. It is made of the engine's event log, in which secrets are masked,
// and is equal for equal previews.
type Detail struct {
	URN string `json:"urn"`
	Op  string `json:"op"`
	// Lines are sorted: "~ size: 10 => 20", "+ name: \"a\"", "- name: \"a\"".
	Lines []string `json:"lines"`
}

func (d Detail) key() string { return d.URN + "\n" + d.Op + "\n" + strings.Join(d.Lines, "\n") }

// details reads an event log of a preview.
func details(log []byte) ([]Detail, error) {
	var out []Detail
	outputs := map[string]Detail{} // of stacks: the last event has them all
	events, err := pulumicli.Events(log)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		switch {
		case e.ResourcePreEvent != nil:
			if d, ok := detail(e.ResourcePreEvent.Metadata); ok {
				out = append(out, d)
			}
		case e.ResOutputsEvent != nil && e.ResOutputsEvent.Metadata.Type == rootType:
			m := e.ResOutputsEvent.Metadata
			outputs[m.URN] = Detail{URN: m.URN, Op: opOutputs, Lines: compare(outputsOf(m.Old), outputsOf(m.New))}
		}
	}
	for _, d := range outputs {
		if len(d.Lines) > 0 {
			out = append(out, d)
		}
	}
	return withoutRandomNames(out), nil
}

// detail is false for a step that changes nothing, or that a diff leaves out.
func detail(m pulumicli.Step) (Detail, bool) {
	c := Change{URN: m.URN, Op: m.Op, Paths: pathsOf(m)}
	switch {
	case m.Op == opSame || reads[m.Op] || noise(c, m.Type):
		return Detail{}, false
	case m.Op == opDelete || m.Op == "delete-replaced" || m.Op == "replace":
		// The whole resource goes; of a replacement, the step that creates its
		// successor tells what differs.
		return Detail{URN: m.URN, Op: m.Op, Lines: []string{}}, true
	}
	before, after := inputsOf(m.Old), inputsOf(m.New)
	if defaultProvider(m.URN, m.Type) {
		delete(before, assumeRole)
		delete(after, assumeRole)
	}
	return Detail{URN: m.URN, Op: m.Op, Lines: compare(before, after)}, true
}

func inputsOf(s *pulumicli.StepState) map[string]any {
	if s == nil {
		return nil
	}
	return s.Inputs
}

func outputsOf(s *pulumicli.StepState) map[string]any {
	if s == nil {
		return nil
	}
	return s.Outputs
}

// compare writes the differences of two values as lines.
func compare(before, after map[string]any) []string {
	old, now := map[string]string{}, map[string]string{}
	flatten("", before, old)
	flatten("", after, now)
	lines := []string{}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		value, kept := now[path]
		switch {
		case !kept:
			lines = append(lines, fmt.Sprintf("- %s: %s", path, old[path]))
		case value != old[path]:
			lines = append(lines, fmt.Sprintf("~ %s: %s => %s", path, old[path], value))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		if _, known := old[path]; !known {
			lines = append(lines, fmt.Sprintf("+ %s: %s", path, now[path]))
		}
	}
	return lines
}

// How lines show what has no value of its own.
const (
	secretShown    = "[secret]"
	unknownShown   = "[unknown]"
	maxShownString = 4000
)

// flatten gives every leaf of a value its path. A text that is itself a JSON
// document, such as a policy, is flattened too.
func flatten(path string, value any, into map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		if special, ok := marked(v); ok {
			into[path] = special
			return
		}
		if len(v) == 0 && path != "" {
			into[path] = "{}"
		}
		for key, e := range v {
			if strings.HasPrefix(key, "__") {
				continue // the provider's own notes, such as __defaults
			}
			flatten(strings.TrimPrefix(path+"."+pathKey(key), "."), e, into)
		}
	case []any:
		if len(v) == 0 {
			into[path] = "[]"
		}
		for i, e := range v {
			flatten(fmt.Sprintf("%s[%d]", path, i), e, into)
		}
	case string:
		if document, ok := jsonDocument(v); ok {
			flatten(path+"(json)", document, into)
			return
		}
		into[path] = shownString(v)
	default:
		text, _ := json.Marshal(v) // numbers, booleans and null
		into[path] = string(text)
	}
}

// pathKey quotes a key that would be read as more than one.
func pathKey(key string) string {
	if strings.ContainsAny(key, ".[]() \"\n\t") || key == "" {
		return fmt.Sprintf("%q", key)
	}
	return key
}

func shownString(text string) string {
	switch {
	case text == sentinel.UnknownText:
		return unknownShown
	case len(text) > maxShownString:
		return fmt.Sprintf("text of %d bytes with digest %s", len(text), textDigest([]byte(text)))
	}
	text = workingCopy.ReplaceAllString(text, "(source)")
	return fmt.Sprintf("%q", text)
}

// marked shows secrets, assets and archives.
func marked(v map[string]any) (string, bool) {
	switch v[sentinel.Signature] {
	case sentinel.Secret:
		return secretShown, true
	case sentinel.Asset, sentinel.Archive:
		// Their path may be one of the working copy; the hash says it all.
		if hash, ok := v["hash"].(string); ok && hash != "" {
			kind := map[any]string{sentinel.Asset: "asset", sentinel.Archive: "archive"}[v[sentinel.Signature]]
			return kind + " " + hash, true
		}
	}
	return "", false
}

func jsonDocument(text string) (any, bool) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[{") {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var document any
	if dec.Decode(&document) != nil || dec.More() {
		return nil, false
	}
	return document, true
}

// workingCopy is the folder of the repository's private copy, which has
// another name in every run.
var workingCopy = regexp.MustCompile(regexp.QuoteMeta(filepath.Join(os.TempDir(), "delivery-")) + `\d+`)

// withoutRandomNames sorts details and takes out the names that the providers
// make up anew in every preview: the resource's own name, a hyphen and seven
// hexadecimal digits. The plan holds the deployment to the reviewed ones.
func withoutRandomNames(all []Detail) []Detail {
	names := map[string]bool{}
	for _, d := range all {
		if d.Op == opCreate || d.Op == "create-replacement" {
			names[(Change{URN: d.URN}).Name()] = true
		}
	}
	hide := randomNames(names)
	for _, d := range all {
		for i, line := range d.Lines {
			d.Lines[i] = hide(line)
		}
	}
	slices.SortFunc(all, func(a, b Detail) int { return cmp.Compare(a.key(), b.key()) })
	return slices.CompactFunc(all, func(a, b Detail) bool { return a.key() == b.key() })
}

// randomNames hides the random part of the names of new resources in a text.
func randomNames(names map[string]bool) func(string) string {
	if len(names) == 0 {
		return func(text string) string { return text }
	}
	var quoted []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		quoted = append(quoted, regexp.QuoteMeta(name))
	}
	pattern := regexp.MustCompile(`\b(` + strings.Join(quoted, "|") + `)-[0-9a-f]{7}\b`)
	return func(text string) string { return pattern.ReplaceAllString(text, "${1}-(random)") }
}

// differingDetails names what two lists of details do not share, without values.
func differingDetails(reviewed, fresh []Detail) []string {
	seen := func(list []Detail) map[string]bool {
		keys := map[string]bool{}
		for _, d := range list {
			keys[d.key()] = true
		}
		return keys
	}
	var out []string
	for _, sides := range [][2][]Detail{{reviewed, fresh}, {fresh, reviewed}} {
		other := seen(sides[1])
		for _, d := range sides[0] {
			if !other[d.key()] {
				out = append(out, d.Op+" "+(Change{URN: d.URN}).Name())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unshownDetails are the steps of a new preview that the review has not shown
// with the same operation and the same new values. What was there before may
// differ: the state has moved. What the review called unknown may be known now.
func unshownDetails(fresh, reviewed []Detail) []Change {
	shown := map[string]map[string]string{}
	for _, d := range reviewed {
		key := d.URN + " " + d.Op
		if shown[key] == nil {
			shown[key] = map[string]string{}
		}
		maps.Copy(shown[key], d.results())
	}
	var out []Change
	for _, d := range fresh {
		values, found := shown[d.URN+" "+d.Op]
		var paths []string
		for path, value := range d.results() {
			if was, set := values[path]; !set || was != value && was != unknownShown {
				paths = append(paths, path)
			}
		}
		if !found || len(paths) > 0 {
			slices.Sort(paths)
			out = append(out, Change{URN: d.URN, Op: d.Op, Paths: paths})
		}
	}
	return out
}

// removed is the result of a line that takes a property away.
const removed = "(removed)"

// results are the values that the lines lead to, by path.
func (d Detail) results() map[string]string {
	out := map[string]string{}
	for _, line := range d.Lines {
		mark, rest, _ := strings.Cut(line, " ")
		path, value := cutPath(rest)
		switch mark {
		case "-":
			value = removed
		case "~":
			value = afterArrow(value)
		}
		out[path] = value
	}
	return out
}

// cutPath parts "path: value"; a quoted key of the path may hold anything.
func cutPath(text string) (path, value string) {
	for i := 0; i < len(text); i++ {
		if text[i] == '"' {
			quoted, err := strconv.QuotedPrefix(text[i:])
			if err != nil {
				break
			}
			i += len(quoted) - 1
			continue
		}
		if strings.HasPrefix(text[i:], ": ") {
			return text[:i], text[i+2:]
		}
	}
	return text, ""
}

// afterArrow is the new value in "old => new"; a quoted old one may hold an
// arrow of its own.
func afterArrow(text string) string {
	rest := text
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		rest = text[len(quoted):]
	}
	if _, after, found := strings.Cut(rest, " => "); found {
		return after
	}
	return text
}

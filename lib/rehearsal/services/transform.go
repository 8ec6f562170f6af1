package services

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// transformer is what a target makes of an event before it is delivered.
type transformer struct {
	Paths    map[string]string `json:"inputPaths"`
	Template string            `json:"inputTemplate"`
}

var placeholder = regexp.MustCompile(`^<([A-Za-z0-9_.\-]+)>`)

// apply fills the template. The rules are those of "Amazon EventBridge input
// transformation": outside of a string a value is put in as JSON, strings with
// their quotes; inside of one as it is, unescaped, objects without their
// quotes; a path that leads nowhere leaves nothing behind.
func (t transformer) apply(event map[string]any, reserved map[string]any) (string, error) {
	values, err := t.values(event)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	quoted := false
	for rest := t.Template; rest != ""; {
		m := placeholder.FindStringSubmatch(rest)
		switch {
		case m != nil:
			text, err := substitute(m[1], values, reserved, quoted)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
			rest = rest[len(m[0]):]
			continue
		case rest[0] == '\\' && quoted && len(rest) > 1:
			out.WriteString(rest[:2])
			rest = rest[2:]
			continue
		case rest[0] == '"':
			quoted = !quoted
		}
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	return out.String(), wellFormed(t.Template, out.String())
}

// values looks the paths up. A variable whose path leads nowhere is not made.
func (t transformer) values(event map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for name, path := range t.Paths {
		v, found, err := lookup(event, path)
		if err != nil {
			return nil, fmt.Errorf("input path %s: %w", name, err)
		}
		if found {
			out[name] = v
		} else {
			out[name] = absent{}
		}
	}
	return out, nil
}

type absent struct{}

func substitute(name string, values, reserved map[string]any, quoted bool) (string, error) {
	v, ok := values[name]
	if !ok {
		v, ok = reserved[name]
	}
	if !ok {
		return "", fmt.Errorf("the input template uses <%s>, which the input paths do not define", name)
	}
	if name == "aws.events.event.json" && quoted {
		return "", errors.New("<aws.events.event.json> can only be the value of a JSON field, not part of a string")
	}
	switch v := v.(type) {
	case absent:
		return "", nil
	case string:
		if quoted {
			return v, nil
		}
		return `"` + v + `"`, nil
	}
	text, err := json.Marshal(v)
	if quoted {
		return strings.ReplaceAll(string(text), `"`, ""), err
	}
	return string(text), err
}

// wellFormed refuses what EventBridge can't deliver: a template is JSON, or
// lines of JSON strings.
func wellFormed(template, text string) error {
	if !strings.HasPrefix(strings.TrimSpace(template), `"`) {
		if !json.Valid([]byte(text)) {
			return fmt.Errorf("the input template gives no valid JSON: %s", text)
		}
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && !json.Valid([]byte(line)) {
			return fmt.Errorf("the input template gives no valid JSON string: %s", line)
		}
	}
	return nil
}

var step = regexp.MustCompile(`^(?:\.([A-Za-z0-9_\-]+)|\[(\d+)\]|\['([^']+)'\]|\["([^"]+)"\]|(\.\*|\[\*\]))`)

// lookup follows a JSON path: the dot and bracket notations, indexes and *.
func lookup(from any, path string) (any, bool, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, false, fmt.Errorf("%q does not begin with $", path)
	}
	if rest == "" {
		return from, true, nil
	}
	m := step.FindStringSubmatch(rest)
	if m == nil {
		return nil, false, fmt.Errorf("%q is beyond the JSON paths that are played", path)
	}
	next := "$" + rest[len(m[0]):]
	if m[5] != "" {
		return lookupEach(from, next)
	}
	if m[2] != "" {
		list, _ := from.([]any)
		i, err := strconv.Atoi(m[2])
		if err != nil || i >= len(list) {
			_, _, err := lookup(nil, next) // the rest must still be readable
			return nil, false, err
		}
		return lookup(list[i], next)
	}
	object, _ := from.(map[string]any)
	v, found := object[m[1]+m[3]+m[4]]
	if !found {
		_, _, err := lookup(nil, next)
		return nil, false, err
	}
	return lookup(v, next)
}

func lookupEach(from any, next string) (any, bool, error) {
	list, isList := from.([]any)
	out := []any{}
	for _, e := range list {
		v, found, err := lookup(e, next)
		if err != nil {
			return nil, false, err
		}
		if found {
			out = append(out, v)
		}
	}
	return out, isList, nil
}

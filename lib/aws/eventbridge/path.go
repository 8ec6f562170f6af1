package eventbridge

import (
	"fmt"
	"regexp"
	"strconv"
)

const maxPath = 256 // characters

// step is one step of a path: a name, an index, or all.
var step = regexp.MustCompile(`^(?:\.([A-Za-z0-9_/\-]+)|\[(\d+)\]|(\.\*|\[\*\]))`)

// CheckPath refuses a JSON path that EventBridge does not know.
func CheckPath(path string) error {
	if len(path) == 0 || len(path) > maxPath {
		return fmt.Errorf("the JSON path %q has %d characters: expected 1 to %d", path, len(path), maxPath)
	}
	_, _, err := Lookup(nil, path)
	return err
}

// Lookup follows a JSON path and says whether it leads anywhere.
func Lookup(from any, path string) (value any, found bool, err error) {
	if path == "$" {
		return from, true, nil
	}
	m := []string(nil)
	if len(path) > 1 && path[0] == '$' {
		m = step.FindStringSubmatch(path[1:])
	}
	if m == nil {
		return nil, false, fmt.Errorf("%q is not a JSON path of EventBridge: expected a path such as $.detail or $.resources[0]", path)
	}
	next := "$" + path[1+len(m[0]):]
	if m[3] != "" {
		return lookupAll(from, next)
	}
	value, found = child(from, m[1], m[2])
	value, more, err := Lookup(value, next) // the rest must be readable in any case
	return value, found && more, err
}

func child(from any, name, index string) (any, bool) {
	if index == "" {
		object, _ := from.(map[string]any)
		v, found := object[name]
		return v, found
	}
	list, _ := from.([]any)
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(list) {
		return nil, false
	}
	return list[i], true
}

func lookupAll(from any, next string) (any, bool, error) {
	if _, _, err := Lookup(nil, next); err != nil {
		return nil, false, err
	}
	list, isList := from.([]any)
	out := []any{}
	for _, e := range list {
		if v, found, _ := Lookup(e, next); found {
			out = append(out, v)
		}
	}
	return out, isList, nil
}

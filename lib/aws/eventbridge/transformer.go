package eventbridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Transformer is what a target makes of an event before it is delivered.
type Transformer struct {
	Paths    map[string]string `json:"inputPaths"`
	Template string            `json:"inputTemplate"`
}

const maxPaths = 100

var (
	pathName    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
	placeholder = regexp.MustCompile(`^<([A-Za-z0-9_.\-]+)>`)
	// predefined are the variables of every template, wholeEvent those of them
	// that hold an event.
	predefined = []string{"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", "aws.events.event", "aws.events.event.json"}
	wholeEvent = []string{"aws.events.event", "aws.events.event.json"}
)

// Check refuses what PutTargets refuses.
func (t Transformer) Check() error {
	var errs []error
	if len(t.Paths) > maxPaths {
		errs = append(errs, fmt.Errorf("inputTransformer has %d inputPaths: at most %d are allowed", len(t.Paths), maxPaths))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Paths)) {
		switch {
		case !pathName.MatchString(name):
			errs = append(errs, fmt.Errorf("inputTransformer.inputPaths has the name %q: expected letters, digits, _ and -", name))
		case strings.HasPrefix(strings.ToUpper(name), "AWS"):
			errs = append(errs, fmt.Errorf("inputTransformer.inputPaths has the name %q: names that begin with AWS are reserved", name))
		}
		errs = append(errs, CheckPath(t.Paths[name]))
	}
	return errors.Join(append(errs, t.checkTemplate())...)
}

// checkTemplate fills the template with numbers, which no key of an object and
// no line of text can be.
func (t Transformer) checkTemplate() error {
	filled, err := t.fill(func(name string, quoted bool) (string, error) {
		_, defined := t.Paths[name]
		switch {
		case !defined && !slices.Contains(predefined, name):
			return "", fmt.Errorf("InvalidInputTemplate: inputTransformer.inputTemplate uses <%s>, which inputPaths does not define", name)
		case quoted && slices.Contains(wholeEvent, name):
			return "", fmt.Errorf("InvalidInputTemplate: <%s> can only be the value of a JSON field, not part of a string", name)
		}
		return "0", nil
	})
	if err == nil && wellFormed(filled) != nil {
		err = fmt.Errorf("InvalidInputTemplate: inputTransformer.inputTemplate is neither JSON nor quoted text once the placeholders are filled: %s", t.Template)
	}
	return err
}

// fill puts a text in the place of each variable, which learns whether it
// stands inside of a string.
func (t Transformer) fill(value func(name string, quoted bool) (string, error)) (string, error) {
	var out strings.Builder
	quoted := false
	for rest := t.Template; rest != ""; {
		m := placeholder.FindStringSubmatch(rest)
		switch {
		case m != nil:
			text, err := value(m[1], quoted)
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
	return out.String(), nil
}

// wellFormed refuses what is neither JSON nor lines of quoted text.
func wellFormed(text string) error {
	if json.Valid([]byte(text)) {
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		var s string
		if json.Unmarshal([]byte(strings.TrimSpace(line)), &s) != nil {
			return fmt.Errorf("the input template gives no valid JSON: %s", text)
		}
	}
	return nil
}

// Apply fills the template with an event. Outside of a string a value is put
// in as JSON, strings with their quotes; inside of one as it is, unescaped,
// objects without their quotes; a path that leads nowhere leaves nothing
// behind. The values of the predefined variables are the caller's.
func (t Transformer) Apply(event, reserved map[string]any) (string, error) {
	if err := t.Check(); err != nil {
		return "", err
	}
	out, err := t.fill(func(name string, quoted bool) (string, error) {
		path, ok := t.Paths[name]
		if !ok {
			return render(reserved[name], quoted)
		}
		v, found, err := Lookup(event, path)
		if err != nil || !found {
			return "", err
		}
		return render(v, quoted)
	})
	if err != nil {
		return "", err
	}
	return out, wellFormed(out)
}

func render(v any, quoted bool) (string, error) {
	if s, ok := v.(string); ok {
		if quoted {
			return s, nil
		}
		return `"` + s + `"`, nil
	}
	text, err := json.Marshal(v)
	if quoted {
		return strings.ReplaceAll(string(text), `"`, ""), err
	}
	return string(text), err
}

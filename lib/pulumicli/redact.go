package pulumicli

import (
	"regexp"
	"strings"
)

// The pinned CLI prints the values of a plan violation, those of secrets
// included: "resource URN violates plan: properties changed:
// ~~token[{&{{old}}}!={&{{new}}}]" (measured). Values are not escaped, so they
// may hold line ends, brackets and whatever else the text is made of. Nothing
// of the CLI's output leaves the deployer before it went through here.

// violation begins the list of properties in a plan violation.
const violation = "violates plan:"

const (
	changedProperties = " properties changed: "
	leftOut           = " (values left out)"
)

var (
	// property is one entry of the list: what the plan wanted, what happened
	// (each one of + ~ - =), and the name.
	property = regexp.MustCompile(`^[+~=-]{2}([A-Za-z_][A-Za-z0-9_.-]*)`)
	// simpleValue has no brackets of its own, so that its end is certain.
	simpleValue = regexp.MustCompile(`^\[([^\[\]]*)\]`)
	// harmless are the engine's lines that may follow a violation: they are
	// made of types, names and numbers. Every other line could be the rest of
	// a value.
	harmless = regexp.MustCompile(`^\s*(` + strings.Join([]string{
		`(Diagnostics|Outputs|Resources|Changes):`,
		`[+~-]{1,2} ?\d+ (created|updated|deleted|replaced|imported|to (create|update|delete|replace|import))`,
		`\d+ (unchanged|errored|changes?)`,
		`Duration: [\dhms.]+`,
		`[+~*-]{1,2} +[\w:/.-]+ [\w.-]+ (creating|created|updating|updated|deleting|deleted|replacing|replaced|failed|\*\*(creating|updating|deleting|replacing) failed\*\*)( \([\d.smh]+\))?( \d+ errors?)?`,
		`[\w:/.-]+ \([\w.-]+\):`,
		`error: (update|preview) (failed|canceled)`,
	}, "|") + `)\s*$`)
	// wrapped is the CLI's warning that a language host is the first one on
	// the PATH, which it is on purpose; see the deployer.
	wrapped = regexp.MustCompile(`^\s*warning: using pulumi-language-\S+ from \$PATH at `)
)

// redactor cleans the lines of one stream of the CLI.
type redactor struct {
	// violated says that a violation was seen, after which the rest of a value
	// may follow on lines of its own.
	violated bool
}

// line returns what may be shown of a line, and whether to show it.
func (r *redactor) line(text string) (string, bool) {
	before, after, found := strings.Cut(text, violation)
	switch {
	case found:
		r.violated = true
		return before + violation + propertyNames(after), true
	case wrapped.MatchString(text):
		return "", false
	case r.violated && !harmless.MatchString(text):
		return "", false
	}
	return text, true
}

// propertyNames cuts the list of a violation to the names. Where a value's end
// is not certain, it keeps only the names before it.
func propertyNames(list string) string {
	rest, changed := strings.CutPrefix(list, changedProperties)
	if !changed {
		return withoutValues(list)
	}
	var names []string
	for {
		m := property.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		names = append(names, m[1])
		rest = rest[len(m[0]):]
		value := simpleValue.FindStringSubmatch(rest)
		if value != nil && strings.Count(value[1], "{") == strings.Count(value[1], "}") {
			rest = rest[len(value[0]):]
		}
		var more bool
		if rest, more = strings.CutPrefix(rest, ", "); !more {
			break
		}
	}
	return changedProperties + strings.Join(names, ", ") + leftOut
}

// kinds of violations that hold no values; everything else is cut.
var valueless = regexp.MustCompile(`^ (resource (unexpectedly not deleted|kind changed)|provider changed|parent changed|protect changed|deleteBeforeReplace changed|dependencies (for [\w.-]+ )?changed|(create|update|delete|read) timeout changed|ignoreChanges changed|additionalSecretOutputs changed|aliases changed|importID changed)`)

func withoutValues(list string) string {
	if m := valueless.FindString(list); m != "" {
		return m
	}
	return leftOut
}

// redact cleans a whole text.
func redact(text string) string {
	var out strings.Builder
	var r redactor
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		if shown, ok := r.line(body); ok {
			out.WriteString(shown + line[len(body):])
		}
	}
	return out.String()
}

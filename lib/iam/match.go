package iam

import (
	"strings"
)

// glyph is one character of a pattern: a literal, "*" or "?".
type glyph struct {
	r         rune
	many, one bool
}

// compile turns policy text into a pattern. Variables are replaced by their
// values, whose characters are always literal; ok is false where a variable has
// no value, in which case nothing matches. See "IAM policy elements: Variables
// and tags": ${*}, ${?} and ${$} are the escaped characters, and
// ${key, 'value'} carries a default.
func compile(text string, wildcards bool, vars variables) (p []glyph, ok bool) {
	for text != "" {
		if body, rest, found := cutVariable(text); found && vars != nil {
			value, known := vars.value(body)
			if !known {
				return nil, false
			}
			for _, r := range value {
				p = append(p, glyph{r: r})
			}
			text = rest
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		p = append(p, glyph{r: r, many: wildcards && r == '*', one: wildcards && r == '?'})
	}
	return p, true
}

func cutVariable(text string) (body, rest string, found bool) {
	if after, ok := strings.CutPrefix(text, "${"); ok {
		return strings.Cut(after, "}")
	}
	return "", "", false
}

// variables looks values up by lower-case condition key. nil means that the
// policy's version knows no variables.
type variables map[string][]string

func (v variables) value(body string) (string, bool) {
	if body == "*" || body == "?" || body == "$" {
		return body, true
	}
	key, fallback, hasDefault := strings.Cut(body, ",")
	if values := v[strings.ToLower(strings.TrimSpace(key))]; len(values) == 1 {
		return values[0], true // only single-valued keys can be variables
	}
	if hasDefault {
		return strings.Trim(strings.TrimSpace(fallback), "'"), true
	}
	return "", false
}

// match says whether s is what p describes.
func match(p []glyph, s string) bool {
	text := []rune(s)
	return covers(p, len(text), func(g glyph, j int) bool { return g.one || g.r == text[j] })
}

// covers says whether a pattern reaches over n places, of which those that no
// "*" covers are taken one by one.
func covers(p []glyph, n int, takes func(g glyph, j int) bool) bool {
	i, j := 0, 0
	star, from := -1, 0 // the last "*" and how far it reached
	for j < n {
		switch {
		case i < len(p) && p[i].many:
			star, from = i, j
			i++
		case i < len(p) && takes(p[i], j):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i].many {
		i++
	}
	return i == len(p)
}

func isEverything(p []glyph) bool { return len(p) == 1 && p[0].many }

// matchARN compares the six parts of an ARN one by one, so that a star never
// reaches across a colon, except inside the last part, which may contain
// colons itself. With complete, missing parts of the pattern count as "*", as
// in the Resource element of identity policies.
func matchARN(p []glyph, arn string, complete bool) bool {
	if isEverything(p) {
		return true
	}
	text := strings.SplitN(arn, ":", 6)
	parts := splitPattern(p)
	if complete {
		for len(parts) < 6 {
			parts = append(parts, []glyph{{r: '*', many: true}})
		}
	}
	if len(text) != 6 || len(parts) != 6 {
		return false
	}
	for i := range parts {
		if !match(parts[i], text[i]) {
			return false
		}
	}
	return true
}

func splitPattern(p []glyph) [][]glyph {
	var out [][]glyph
	start := 0
	for i, g := range p {
		if g.r == ':' && len(out) < 5 {
			out = append(out, p[start:i])
			start = i + 1
		}
	}
	return append(out, p[start:])
}

// glob matches without variables.
func glob(pattern, s string) bool {
	p, _ := compile(pattern, true, nil) // without variables compile can't fail
	return match(p, s)
}

// matchAction compares actions without regard to case.
func matchAction(pattern, action string) bool {
	return glob(strings.ToLower(pattern), strings.ToLower(action))
}

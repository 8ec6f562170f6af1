package iam

import (
	"slices"
	"strconv"
	"strings"
)

// text is a piece of a policy, with whether its document's version knows
// variables: in older documents ${…} is text.
type text struct {
	value     string
	variables bool
}

func (t text) hasVariable() bool { return t.variables && variable.MatchString(t.value) }

// includes says whether everything that small matches is matched by big. It is
// sufficient, not necessary: a false answer means "not shown".
func includes(big, small []glyph) bool {
	return covers(big, len(small), func(g glyph, j int) bool { return g.includes(small[j]) })
}

// includes compares single characters of patterns.
func (g glyph) includes(small glyph) bool {
	switch {
	case small.many:
		return false
	case g.one:
		return true
	}
	return !small.one && g.r == small.r
}

// overlaps says whether some text is matched by both patterns.
func overlaps(p, q []glyph) bool {
	row := make([]bool, len(q)+1) // row[j]: whether p[i:] and q[j:] have a text in common
	for i := len(p); i >= 0; i-- {
		next := slices.Clone(row)
		for j := len(q); j >= 0; j-- {
			switch {
			case i == len(p) && j == len(q):
				row[j] = true
			case i < len(p) && p[i].many:
				row[j] = next[j] || j < len(q) && row[j+1]
			case j < len(q) && q[j].many:
				row[j] = row[j+1] || i < len(p) && next[j]
			default:
				row[j] = i < len(p) && j < len(q) && next[j+1] && (p[i].one || q[j].one || p[i].r == q[j].r)
			}
		}
	}
	return row[0]
}

func pattern(s string) []glyph {
	p, _ := compile(s, true, nil) // without variables compile can't fail
	return p
}

func actionIncludes(big, small text) bool {
	return includes(pattern(strings.ToLower(big.value)), pattern(strings.ToLower(small.value)))
}

func actionsOverlap(a, b text) bool {
	return overlaps(pattern(strings.ToLower(a.value)), pattern(strings.ToLower(b.value)))
}

// resourceIncludes compares Resource elements, whose missing parts count as "*".
func resourceIncludes(big, small text) bool { return arnIncludes(big, small, true) }

func arnIncludes(big, small text, complete bool) bool {
	if big.value == small.value && (big.variables == small.variables || !variable.MatchString(big.value)) {
		return true
	}
	b, ok := big.arn()
	s, ok2 := small.arn()
	switch {
	case big.hasVariable() || !ok || !ok2: // what a variable stands for is not known
		return false
	case isEverything(b):
		return true
	case isEverything(s):
		return false
	}
	return parts(b, s, complete, includes)
}

func resourcesOverlap(a, b text) bool {
	p, ok := a.arn()
	q, ok2 := b.arn()
	return !ok || !ok2 || parts(p, q, true, overlaps)
}

// parts says whether a relation holds between all six parts of two ARNs.
func parts(p, q []glyph, complete bool, holds func(p, q []glyph) bool) bool {
	one, two := splitPattern(p), splitPattern(q)
	for complete && len(one) < 6 {
		one = append(one, pattern("*"))
	}
	for complete && len(two) < 6 {
		two = append(two, pattern("*"))
	}
	if len(one) != 6 || len(two) != 6 {
		return false
	}
	for i := range one {
		if !holds(one[i], two[i]) {
			return false
		}
	}
	return true
}

// arn is the pattern of an ARN in which a variable may be any text. A variable
// before the last part could hold a colon and move what follows: not ok.
func (t text) arn() (p []glyph, ok bool) {
	if !t.hasVariable() {
		return pattern(t.value), true
	}
	fixed := t.value[:variable.FindStringIndex(t.value)[0]]
	return pattern(variable.ReplaceAllString(t.value, "*")), strings.Count(fixed, ":") >= 5
}

// implies says whether every request that meets c meets big as well.
func (c Condition) implies(big Condition, vars, bigVars bool) bool {
	if !strings.EqualFold(c.Key, big.Key) {
		return false
	}
	o, ok := parseOperator(c.Operator)
	b, ok2 := parseOperator(big.Operator)
	if !ok || !ok2 {
		return c.Operator == big.Operator && slices.Equal(c.Values, big.Values)
	}
	if o.base == "Null" || b.base == "Null" {
		return c.impliesNull(o, big, b)
	}
	if o.negated != b.negated || o.metWithoutKey() && !b.metWithoutKey() || !o.quantifiesAs(b) {
		return false
	}
	within := func(small, large Condition, so, lo operator, sv, lv bool) bool {
		return !slices.ContainsFunc(small.Values, func(s string) bool {
			return !slices.ContainsFunc(large.Values, func(l string) bool {
				return valueIncludes(lo.base, text{l, lv}, so.base, text{s, sv})
			})
		})
	}
	if o.negated { // none of more values is none of fewer
		return within(big, c, b, o, bigVars, vars)
	}
	return within(c, big, o, b, vars, bigVars)
}

// quantifiesAs says whether an operator's treatment of several values of a
// request implies another's: a plain operator meets exactly one value.
func (o operator) quantifiesAs(b operator) bool {
	switch {
	case o.forAll:
		return b.forAll || b.forAny // of at least one; without any metWithoutKey decides
	case o.forAny:
		return b.forAny
	}
	return true
}

func (c Condition) impliesNull(o operator, big Condition, b operator) bool {
	asks := func(c Condition, absent bool) bool {
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, "true") == absent })
	}
	switch {
	case o.base == "Null" && b.base == "Null":
		return (!asks(c, true) || asks(big, true)) && (!asks(c, false) || asks(big, false))
	case b.base == "Null":
		return asks(big, false) && !o.metWithoutKey()
	}
	return false
}

// valueIncludes says whether each value of a request that matches small under
// one comparison matches big under another.
func valueIncludes(bigBase string, big text, base string, small text) bool {
	switch {
	case base == bigBase && big == small:
		return true
	case big.hasVariable() || small.hasVariable():
		return false
	case base == "StringEquals": // the value is known
		return comparisons[bigBase](big.value, small.value, nil)
	case isARN(base) && isARN(bigBase):
		return arnIncludes(big, small, false)
	case base == "StringLike" && bigBase == "StringLike":
		return includes(pattern(big.value), pattern(small.value))
	case base == "IpAddress" && bigBase == "IpAddress":
		b, ok := parsePrefix(big.value)
		s, ok2 := parsePrefix(small.value)
		return ok && ok2 && b.Bits() <= s.Bits() && b.Contains(s.Addr())
	case base == "Bool" && bigBase == "Bool":
		return strings.EqualFold(big.value, small.value)
	case strings.HasPrefix(base, "Numeric") && strings.HasPrefix(bigBase, "Numeric"):
		s, err := strconv.ParseFloat(small.value, 64)
		b, err2 := strconv.ParseFloat(big.value, 64)
		return err == nil && err2 == nil && ordered(bigBase, base, compare(s, b), s != s || b != b)
	case strings.HasPrefix(base, "Date") && strings.HasPrefix(bigBase, "Date"):
		s, ok := parseDate(small.value)
		b, ok2 := parseDate(big.value)
		return ok && ok2 && ordered(bigBase, base, s.Compare(b), false)
	}
	return false
}

func isARN(base string) bool { return base == "ArnLike" || base == "ArnEquals" }

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// ordered compares two half-lines or points: c is how small's bound stands to
// big's.
func ordered(bigBase, base string, c int, unordered bool) bool {
	kind := func(s string) string { return strings.TrimPrefix(strings.TrimPrefix(s, "Numeric"), "Date") }
	b, s := kind(bigBase), kind(base)
	switch {
	case unordered:
		return false
	case b == "LessThan" && (s == "LessThanEquals" || s == "Equals"), b == "GreaterThan" && s == "Equals", b == "GreaterThan" && s == "GreaterThanEquals":
		return c != 0 && (c < 0) == (b == "LessThan")
	case strings.HasPrefix(b, "LessThan") && (strings.HasPrefix(s, "LessThan") || s == "Equals"):
		return c <= 0
	case strings.HasPrefix(b, "GreaterThan") && (strings.HasPrefix(s, "GreaterThan") || s == "Equals"):
		return c >= 0
	}
	return b == "Equals" && s == "Equals" && c == 0
}

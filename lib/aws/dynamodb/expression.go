package dynamodb

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// ErrNotPlayed is of what DynamoDB may accept and this package does not know.
var ErrNotPlayed = errors.New("is not played")

// Value is an attribute value as the API writes it: {"S": "text"}.
type Value map[string]any

// Item is an item by the names of its attributes.
type Item map[string]Value

//go:embed reserved.txt
var reservedText string

var reserved = func() map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(reservedText) {
		out[word] = true
	}
	return out
}()

// Expressions are the expressions of one request with what they refer to.
type Expressions struct {
	// Condition and Update are the expressions; empty for none.
	Condition, Update string
	// Names and Values are what placeholders stand for.
	Names  map[string]string
	Values map[string]Value
}

// Compiled are expressions that were read.
type Compiled struct {
	condition func(Item) bool
	set       []assignment
}

// Compile reads the expressions. Placeholders that are not used are refused.
func (e Expressions) Compile() (Compiled, error) {
	var out Compiled
	used := map[string]bool{}
	if e.Condition != "" {
		p := parser{Expressions: e, used: used, kind: "ConditionExpression"}
		if err := p.tokenize(e.Condition); err != nil {
			return out, err
		}
		out.condition = p.or()
		if err := p.end(); err != nil {
			return out, err
		}
	}
	if e.Update != "" {
		p := parser{Expressions: e, used: used, kind: "UpdateExpression"}
		if err := p.tokenize(e.Update); err != nil {
			return out, err
		}
		out.set = p.update()
		if err := p.end(); err != nil {
			return out, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Names)) {
		if !used[name] {
			return out, fmt.Errorf("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Values)) {
		if !used[name] {
			return out, fmt.Errorf("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", name)
		}
	}
	return out, nil
}

// Holds says whether the condition is true of an item; nil is an item that does
// not exist. No condition is always true.
func (c Compiled) Holds(item Item) bool { return c.condition == nil || c.condition(item) }

// Apply returns the item after the update. All values are those before it.
func (c Compiled) Apply(item Item) Item {
	out := maps.Clone(item)
	if out == nil {
		out = Item{}
	}
	for _, a := range c.set {
		out[a.name] = a.value(item)
	}
	return out
}

// Sets are the attributes that the update sets.
func (c Compiled) Sets() (names []string) {
	for _, a := range c.set {
		names = append(names, a.name)
	}
	return names
}

type assignment struct {
	name  string
	value func(Item) Value
}

// parser is a recursive descent over tokens. Its first error is kept.
type parser struct {
	Expressions
	kind   string
	used   map[string]bool
	tokens []string
	err    error
}

var token = regexp.MustCompile(`^\s*([#:]?[A-Za-z0-9_]+|<>|<=|>=|[=<>(),.\[\]+-])`)

func (p *parser) tokenize(text string) error {
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := token.FindStringSubmatch(rest)
		if m == nil {
			p.fail("Syntax error; token: %q", strings.TrimSpace(rest))
			return p.err
		}
		p.tokens, rest = append(p.tokens, m[1]), rest[len(m[0]):]
	}
	return nil
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("Invalid "+p.kind+": "+format, args...)
	}
}

func (p *parser) end() error {
	if len(p.tokens) > 0 {
		p.fail("Syntax error; token: %q", p.tokens[0])
	}
	return p.err
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t == "" {
		p.fail("Syntax error; the expression ends too early")
		return ""
	}
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) expect(want string) {
	if t := p.next(); t != want {
		p.fail("Syntax error; token: %q, expected %q", t, want)
	}
}

// keyword takes the next token if it is the keyword, in any case.
func (p *parser) keyword(word string) bool {
	if !strings.EqualFold(p.peek(), word) {
		return false
	}
	p.next()
	return true
}

// The order of precedence is comparators, IN, BETWEEN, functions, parentheses,
// NOT, AND, OR.
func (p *parser) or() func(Item) bool {
	left := p.and()
	for p.keyword("OR") {
		a, b := left, p.and()
		left = func(i Item) bool { return a(i) || b(i) }
	}
	return left
}

func (p *parser) and() func(Item) bool {
	left := p.not()
	for p.keyword("AND") {
		a, b := left, p.not()
		left = func(i Item) bool { return a(i) && b(i) }
	}
	return left
}

func (p *parser) not() func(Item) bool {
	if p.keyword("NOT") {
		inner := p.not()
		return func(i Item) bool { return !inner(i) }
	}
	return p.simple()
}

func (p *parser) simple() func(Item) bool {
	t := p.peek()
	switch t {
	case "(":
		p.next()
		inner := p.or()
		p.expect(")")
		return inner
	case "attribute_exists", "attribute_not_exists": // names of functions are case-sensitive
		p.next()
		p.expect("(")
		name := p.attribute()
		p.expect(")")
		return func(i Item) bool { return (i[name] != nil) == (t == "attribute_exists") }
	case "attribute_type", "begins_with", "contains", "size":
		p.fail("the function %s %w", t, ErrNotPlayed)
	}
	a := p.operand()
	switch op := p.next(); op {
	case "=", "<", "<=", ">", ">=":
		b := p.operand()
		return func(i Item) bool { return compare(op, a(i), b(i)) }
	case "<>":
		// What it is of an attribute that does not exist, the page does not say.
		p.fail("the comparator <> %w", ErrNotPlayed)
	default:
		if strings.EqualFold(op, "BETWEEN") || strings.EqualFold(op, "IN") {
			p.fail("%s %w", op, ErrNotPlayed)
		}
		p.fail("Syntax error; token: %q, expected a comparator", op)
	}
	return func(Item) bool { return false }
}

// operand is an attribute or a value of the request; nil where an item does not
// have the attribute.
func (p *parser) operand() func(Item) Value {
	if strings.HasPrefix(p.peek(), ":") {
		v := p.value()
		return func(Item) Value { return v }
	}
	name := p.attribute()
	return func(i Item) Value { return i[name] }
}

func (p *parser) value() Value {
	name := p.next()
	v, ok := p.Values[name]
	if !ok {
		p.fail("An expression attribute value used in expression is not defined; attribute value: %s", name)
	}
	p.used[name] = true
	return v
}

// attribute is the name of a top-level attribute, or a placeholder for it.
func (p *parser) attribute() string {
	name := p.next()
	switch {
	case strings.HasPrefix(name, "#"):
		full, ok := p.Names[name]
		if !ok {
			p.fail("An expression attribute name used in the document path is not defined; attribute name: %s", name)
		}
		p.used[name], name = true, full
	case reserved[strings.ToUpper(name)]:
		p.fail("Attribute name is a reserved keyword; reserved keyword: %s", name)
	case name == "" || !letter.MatchString(name):
		p.fail("Syntax error; token: %q, expected the name of an attribute", name)
	}
	if t := p.peek(); t == "." || t == "[" {
		p.fail("a path into an attribute %w", ErrNotPlayed)
	}
	return name
}

// A name without a placeholder begins with a letter; see "Expression attribute
// names".
var letter = regexp.MustCompile(`^[A-Za-z]`)

// compare compares two values. One that does not exist, or has another type,
// compares as false.
func compare(op string, a, b Value) bool {
	if a == nil || b == nil {
		return false
	}
	order, ok := order(a, b)
	if !ok {
		return op == "=" && reflect.DeepEqual(a, b)
	}
	return map[string]bool{"=": order == 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op]
}

func order(a, b Value) (int, bool) {
	if x, y, ok := both(a, b, "N"); ok {
		m, good := new(big.Rat).SetString(x)
		n, fine := new(big.Rat).SetString(y)
		if !good || !fine {
			return 0, false
		}
		return m.Cmp(n), true
	}
	x, y, ok := both(a, b, "S")
	return strings.Compare(x, y), ok
}

func both(a, b Value, kind string) (x, y string, ok bool) {
	x, ok = a[kind].(string)
	y, is := b[kind].(string)
	return x, y, ok && is
}

// update reads a SET clause, the only one that is played.
func (p *parser) update() (out []assignment) {
	if !p.keyword("SET") {
		p.fail("the clause %q %w", p.peek(), ErrNotPlayed)
		return nil
	}
	for {
		name := p.attribute()
		if slices.ContainsFunc(out, func(a assignment) bool { return a.name == name }) {
			p.fail("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", name, name)
		}
		p.expect("=")
		out = append(out, assignment{name, p.assigned()})
		if t := p.peek(); t == "+" || t == "-" {
			p.fail("arithmetic %w", ErrNotPlayed)
		}
		if p.peek() != "," || p.err != nil {
			return out
		}
		p.next()
	}
}

// assigned is a value of the request, or if_not_exists of an attribute and one.
func (p *parser) assigned() func(Item) Value {
	if p.peek() != "if_not_exists" {
		if !strings.HasPrefix(p.peek(), ":") {
			p.fail("the value %q %w", p.peek(), ErrNotPlayed)
		}
		v := p.value()
		return func(Item) Value { return v }
	}
	p.next()
	p.expect("(")
	name := p.attribute()
	p.expect(",")
	v := p.value()
	p.expect(")")
	return func(i Item) Value {
		if old := i[name]; old != nil {
			return old
		}
		return v
	}
}

package dynamodb

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	item   = Item{"id": {"S": "x"}, "n": {"N": "9"}, "flag": {"BOOL": true}}
	values = map[string]Value{":n": {"N": "10"}, ":nine": {"N": "9.0"}, ":x": {"S": "x"}, ":text": {"S": "10"}, ":flag": {"BOOL": true}}
)

// chosen are the values that an expression uses.
func chosen(names ...string) map[string]Value {
	out := map[string]Value{}
	for _, n := range names {
		out[n] = values[n]
	}
	return out
}

func TestConditionsHoldAsThePageSays(t *testing.T) {
	t.Parallel()
	for expression, c := range map[string]struct {
		uses []string
		want bool
	}{
		"attribute_exists(id)":     {nil, true},
		"attribute_not_exists(id)": {nil, false},
		"attribute_not_exists(id) OR attribute_not_exists(gone) AND (n < :n OR id = :text)": {[]string{":n", ":text"}, true},
		"n < :n":          {[]string{":n"}, true}, // as numbers; as texts 10 is less than 9
		"n = :nine":       {[]string{":nine"}, true},
		"n >= :nine":      {[]string{":nine"}, true},
		"n > :nine":       {[]string{":nine"}, false},
		"n <= :nine":      {[]string{":nine"}, true},
		"n < :text":       {[]string{":text"}, false}, // another type
		"n > :text":       {[]string{":text"}, false},
		"id = :x":         {[]string{":x"}, true},
		"id < :x":         {[]string{":x"}, false},
		"flag = :flag":    {[]string{":flag"}, true},
		"gone = :x":       {[]string{":x"}, false},
		"gone < :x":       {[]string{":x"}, false},
		"not gone = :x":   {[]string{":x"}, true},
		"NOT NOT id = :x": {[]string{":x"}, true},
		// NOT binds before AND, and AND before OR.
		"NOT id = :x AND attribute_exists(gone) OR n = :nine":                                   {[]string{":x", ":nine"}, true},
		"id = :x OR id = :x AND attribute_exists(gone)":                                         {[]string{":x"}, true},
		"(id = :x OR id = :x) AND attribute_exists(gone)":                                       {[]string{":x"}, false},
		"NOT (attribute_exists(gone) OR id = :x)":                                               {[]string{":x"}, false},
		"attribute_exists(gone) AND attribute_exists(gone) OR attribute_exists(id) AND id = id": {nil, true},
	} {
		compiled, err := Expressions{Condition: expression, Values: chosen(c.uses...)}.Compile()
		require.NoError(t, err, expression)
		require.Equal(t, c.want, compiled.Holds(item), expression)
	}
	none, err := Expressions{Condition: "attribute_not_exists(id)"}.Compile()
	require.NoError(t, err)
	require.True(t, none.Holds(nil), "an item that does not exist has no attribute")
}

func TestAnUpdateSetsWhatItSays(t *testing.T) {
	t.Parallel()
	compiled, err := Expressions{
		Update: "SET id2 = if_not_exists(id, :x), made = if_not_exists(made, :x), #n = :n",
		Names:  map[string]string{"#n": "n"}, Values: chosen(":x", ":n"),
	}.Compile()
	require.NoError(t, err)
	require.Equal(t, []string{"id2", "made", "n"}, compiled.Sets())
	require.Equal(t, Item{"id": {"S": "x"}, "id2": {"S": "x"}, "made": {"S": "x"}, "n": {"N": "10"}, "flag": {"BOOL": true}}, compiled.Apply(item))
	require.Equal(t, Value{"N": "9"}, item["n"], "the item of before is as it was")
	require.Equal(t, Item{"id2": {"S": "x"}, "made": {"S": "x"}, "n": {"N": "10"}}, compiled.Apply(nil))
}

func TestWhatDynamoDBRefusesIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		Expressions
		want string
	}{
		"a value that is not given":      {Expressions{Condition: "id = :x"}, "An expression attribute value used in expression is not defined; attribute value: :x"},
		"a value that nothing uses":      {Expressions{Condition: "attribute_exists(id)", Values: chosen(":x")}, "unused in expressions: keys: {:x}"},
		"a name that is not given":       {Expressions{Condition: "attribute_exists(#id)"}, "is not defined; attribute name: #id"},
		"a name that nothing uses":       {Expressions{Condition: "attribute_exists(id)", Names: map[string]string{"#n": "n"}}, "unused in expressions: keys: {#n}"},
		"a reserved word":                {Expressions{Condition: "attribute_exists(Owner)"}, "reserved keyword: Owner"},
		"a reserved word in an update":   {Expressions{Update: "SET ttl = :x", Values: chosen(":x")}, "reserved keyword: ttl"},
		"an open parenthesis":            {Expressions{Condition: "(attribute_exists(id)"}, "ends too early"},
		"two conditions side by side":    {Expressions{Condition: "attribute_exists(id) attribute_exists(id)"}, "Syntax error"},
		"a function in capital letters":  {Expressions{Condition: "ATTRIBUTE_EXISTS(id)"}, "Syntax error"},
		"a comparison with nothing":      {Expressions{Condition: "id ="}, "ends too early"},
		"a literal":                      {Expressions{Condition: "id = 'x'"}, "Syntax error"},
		"an attribute that is set twice": {Expressions{Update: "SET a = :x, a = :x", Values: chosen(":x")}, "Two document paths overlap"},
		"an update of nothing":           {Expressions{Update: "SET"}, "ends too early"},
	} {
		_, err := c.Compile()
		require.ErrorContains(t, err, c.want, name)
		require.NotErrorIs(t, err, ErrNotPlayed, name)
	}
	for _, e := range []Expressions{
		{Condition: "id <> :x", Values: chosen(":x")}, {Condition: "id IN (:x)", Values: chosen(":x")}, {Condition: "n BETWEEN :n AND :n", Values: chosen(":n")},
		{Condition: "size(id) = :n", Values: chosen(":n")}, {Condition: "attribute_exists(a.b)"}, {Condition: "attribute_exists(a[0])"},
		{Update: "REMOVE a"}, {Update: "SET a = b"}, {Update: "SET a = :n + :n", Values: chosen(":n")},
	} {
		_, err := e.Compile()
		require.ErrorIs(t, err, ErrNotPlayed, "%+v", e)
	}
}

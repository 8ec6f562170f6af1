// Package pipelinevar reads the variables of CodePipeline in the configuration
// of an action.
package pipelinevar

import (
	"regexp"
	"strings"

	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A variable is written #{namespace.name}, in the configuration of an action that runs after the one that makes it.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-variables.html",
		Enforced: "In, Resolve",
	},
	{
		Rule:     "The value of a configuration has 1 to 1000 characters, also once its variables are resolved.",
		Page:     "https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html",
		Enforced: "MaxValue",
	},
}

// MaxValue is how long a configuration value, and a variable's, may be.
const MaxValue = 1000

// Variable is the use of a variable.
type Variable struct {
	Namespace, Name string
	// Text is how it is written: "#{a.b}", or "#{a.b" where it does not end.
	Text string
}

// Closed says whether the use ends with a brace.
func (v Variable) Closed() bool { return strings.HasSuffix(v.Text, "}") }

var use = regexp.MustCompile(`#\{([^}]*)\}?`)

// In are the variables that a value uses.
func In(value string) []Variable {
	var out []Variable
	for _, text := range use.FindAllString(value, -1) {
		out = append(out, read(text))
	}
	return out
}

func read(text string) Variable {
	namespace, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "#{"), "}"), ".")
	return Variable{namespace, name, text}
}

// Resolve puts values in the place of variables.
func Resolve(value string, of func(Variable) string) string {
	return use.ReplaceAllStringFunc(value, func(text string) string { return of(read(text)) })
}

package provider

import (
	"fmt"
	"regexp"
	"strings"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// The vocabulary in which the kinds are written.
var (
	text   = Input{Shape: String}
	number = Input{Shape: Number}
	flag   = Input{Shape: Bool}
	blob   = Input{Shape: Any}
	tags   = Input{Shape: Map, Elem: &Input{Shape: String}}
)

func list(elem Input) Input                { return Input{Shape: List, Elem: &elem} }
func mapOf(elem Input) Input               { return Input{Shape: Map, Elem: &elem} }
func object(fields map[string]Input) Input { return Input{Shape: Object, Fields: fields} }

func (i Input) required() Input                 { i.Required = true; return i }
func (i Input) replaces() Input                 { i.Replace = true; return i }
func (i Input) computed() Input                 { i.Computed = true; return i }
func (i Input) hidden() Input                   { i.Secret = true; return i }
func (i Input) def(v any) Input                 { i.Default = v; return i }
func (i Input) enum(values ...string) Input     { i.Enum = values; return i }
func (i Input) between(low, high float64) Input { i.Min, i.Max = low, high; return i }
func (i Input) policy(k iam.Kind) Input         { i.Policy = &k; return i }

// match accepts text that a pattern covers as a whole, whichever alternatives
// the pattern has.
func (i Input) match(pattern string) Input {
	i.Match = regexp.MustCompile("^(?:" + pattern + ")$")
	return i
}

// named accepts the names that AWS accepts.
func named(r awsname.Rule) Input {
	return text.match(r.Pattern).between(float64(r.Min), float64(r.Max))
}

func (i Input) refers(by string, types ...string) Input {
	i.Refers = &Reference{Types: types, By: by}
	return i
}

// arnOf builds regional ARNs.
func arnOf(service, prefix string) func(account, name string) string {
	return func(account, name string) string {
		return cloud.ARN(service, account, prefix+strings.TrimPrefix(name, "/"))
	}
}

// serialID returns ids that AWS makes up.
func serialID(format string) func(*Call) string {
	return func(c *Call) string { return fmt.Sprintf(format, c.Cloud.Serial()) }
}

// joinedID returns ids made of inputs.
func joinedID(separator string, paths ...string) func(*Call) string {
	return func(c *Call) string {
		var parts []string
		for _, p := range paths {
			parts = append(parts, c.Str(p))
		}
		return strings.Join(parts, separator)
	}
}

// arns of roles and keys that inputs refer to.
var (
	roleARN = text.refers("arn", typetoken.Role)
	keyARN  = text.refers("arn", typetoken.Key)
)

// texts reads a string or a list of strings.
func texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

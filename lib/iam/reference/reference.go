package reference

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

//go:embed reference.json
var text []byte

// Data is the content of reference.json.
type Data struct {
	Pages    string             `json:"pages"`  // where a reader looks a service up
	Source   string             `json:"source"` // what it was generated from
	Date     string             `json:"date"`
	Services map[string]Service `json:"services"`
}

// Service is the part of one service, by its prefix in actions.
type Service struct {
	Multivalued []string            `json:"multivalued,omitempty"` // condition keys of type ArrayOf…
	Resources   map[string]Resource `json:"resources"`
	Actions     map[string]Entry    `json:"actions"`
}

// Resource is a type of resources.
type Resource struct {
	ARNs []string `json:"arns"`
	Keys []string `json:"keys,omitempty"`
}

// Entry is an action: the types of resources that it can be allowed on, none
// where only "*" will do, and its condition keys, where "*" stands for any text.
type Entry struct {
	Resources []string `json:"resources,omitempty"`
	Keys      []string `json:"keys,omitempty"`
}

// load reads the data once. It is part of the program: what is wrong with it is
// found by the package's test.
var load = sync.OnceValue(func() Data {
	var d Data
	if err := json.Unmarshal(text, &d); err != nil {
		panic("reference.json: " + err.Error())
	}
	return d
})

// known holds the actions in lower case.
var known = sync.OnceValue(func() map[string]Entry {
	out := map[string]Entry{}
	for prefix, s := range load().Services {
		for name, e := range s.Actions {
			out[strings.ToLower(prefix+":"+name)] = e
		}
	}
	return out
})

var actions = sync.OnceValue(func() []string {
	var out []string
	for name := range known() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
})

// Source says what the data was generated from, for reports.
func Source() string { return load().Source + " of " + load().Date }

// Known says whether an action exists. IAM compares actions without regard to case.
func Known(action string) bool {
	_, ok := known()[strings.ToLower(action)]
	return ok
}

// Actions lists the known actions in lower case, sorted. It must not be changed.
func Actions() []string { return actions() }

// Resourceless says whether an action can be allowed on nothing narrower than "*".
func Resourceless(action string) bool {
	e, ok := known()[strings.ToLower(action)]
	return ok && len(e.Resources) == 0
}

// Fits says whether a Resource element can be one that an action is allowed on.
// A star at its end stands for any text.
func Fits(action, resource string) bool {
	return slices.ContainsFunc(templates(action), func(t string) bool { return fits(t, resource) })
}

// templates are the ARNs of the resources of an action.
func templates(action string) []string {
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	var out []string
	for _, name := range known()[strings.ToLower(action)].Resources {
		out = append(out, load().Services[service].Resources[name].ARNs...)
		if service == "logs" && name == "log-group" {
			out = append(out, logGroup+":*")
		}
	}
	return out
}

// logGroup with ":*" behind it is how policies name a log group, for all actions
// but those on tags.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
const logGroup = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"

// fits compares a template with an ARN, character by character.
func fits(template, resource string) bool {
	if template == "" {
		return resource == "" || resource == "*"
	}
	if resource == "*" {
		return true // the star takes the rest of the template
	}
	if !strings.HasPrefix(template, "${") {
		return resource != "" && template[0] == resource[0] && fits(template[1:], resource[1:])
	}
	name, rest, _ := strings.Cut(template[2:], "}")
	for i := 1; i <= len(resource); i++ {
		if !wide(name) && resource[i-1] == '/' || name != "ObjectName" && name != "BuildId" && resource[i-1] == ':' {
			return false
		}
		if fits(rest, resource[i:]) {
			return true
		}
	}
	return false
}

// wide says whether what a variable stands for may have slashes.
func wide(variable string) bool {
	return strings.HasSuffix(variable, "WithPath") || slices.Contains([]string{"ObjectName", "EntityPath", "ParameterNameWithoutLeadingSlash", "RepositoryName",
		"LogGroupName", "LogStreamName", "SecretId", "Alias", "OidcProviderName", "EventSourceName", "UrlEncodedResourceARN"}, variable)
}

// Carries says whether a request for an action can carry a condition key: by
// the action, the types of its resources, or because each request does.
func Carries(action, key string) bool {
	service, _, _ := strings.Cut(strings.ToLower(action), ":")
	e := known()[strings.ToLower(action)]
	if matches(e.Keys, key) || matches(global, key) || matches(fromService, key) || matches(unlisted[service], key) {
		return true
	}
	return slices.ContainsFunc(e.Resources, func(r string) bool { return matches(load().Services[service].Resources[r].Keys, key) })
}

// FromService says whether only requests that a service makes itself carry a
// key: for anybody else, a statement that needs it never applies.
func FromService(key string) bool { return matches(fromService, key) }

// Multivalued says whether a request has several values of a key, so that a
// condition on it needs ForAllValues or ForAnyValue.
func Multivalued(key string) bool {
	service, _, _ := strings.Cut(strings.ToLower(key), ":")
	return matches(globalMultivalued, key) || matches(load().Services[service].Multivalued, key)
}

// matches compares a key with patterns, whose only wildcard is a star.
func matches(patterns []string, key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(patterns, func(p string) bool {
		before, after, star := strings.Cut(strings.ToLower(p), "*")
		if !star {
			return before == key
		}
		return len(key) > len(before)+len(after) && strings.HasPrefix(key, before) && strings.HasSuffix(key, after)
	})
}

// Package projectconfig reads a project's own configuration. It links the
// Pulumi SDK, so only programs import it: what commands share with programs is
// in package settings.
package projectconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"delivery.internal/lib/settings"
)

// Reader reads one project's own configuration and collects what is wrong, so
// that a user sees every mistake at once.
type Reader struct {
	project string
	conf    *config.Config
	errs    []error
}

// NewReader returns a Reader of the running project's configuration.
func NewReader(ctx *pulumi.Context) *Reader {
	return &Reader{project: ctx.Project(), conf: config.New(ctx, "")}
}

// Err returns every error collected so far, nil when there is none.
func (r *Reader) Err() error { return errors.Join(r.errs...) }

// Fail records that a key's value is not what was expected. The example is a
// value that would do.
func (r *Reader) Fail(key, value, expected, example string) {
	r.errs = append(r.errs, settings.Problem{Project: r.project, Key: key, Value: value, Expected: expected, Example: example})
}

// String returns a key's value, or the default where it is not set.
func (r *Reader) String(key, def string) string {
	if v := r.conf.Get(key); v != "" {
		return v
	}
	return def
}

// Required returns a key's value and records an error where it is not set.
func (r *Reader) Required(key, expected, example string) string {
	v := r.conf.Get(key)
	if v == "" {
		r.Fail(key, v, expected, example)
	}
	return v
}

// Match returns a key's value, or the default, and records an error where it
// does not match the pattern.
func (r *Reader) Match(key, def string, pattern *regexp.Regexp, expected, example string) string {
	v := r.String(key, def)
	if !pattern.MatchString(v) {
		r.Fail(key, v, expected, example)
	}
	return v
}

// OneOf returns a key's value, or the default, and records an error where it
// is none of the allowed ones.
func (r *Reader) OneOf(key, def string, allowed ...string) string {
	v := r.String(key, def)
	for _, a := range allowed {
		if v == a {
			return v
		}
	}
	r.Fail(key, v, fmt.Sprintf("one of %v", allowed), allowed[0])
	return v
}

// Bool returns a key's value, or the default where it is not set.
func (r *Reader) Bool(key string, def bool) bool {
	v := r.conf.Get(key)
	if v == "" {
		return def
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		r.Fail(key, v, "true or false", strconv.FormatBool(def))
	}
	return b
}

// Int returns a key's value, or the default, and records an error where it is
// not a whole number from low to high.
func (r *Reader) Int(key string, def, low, high int) int {
	v := r.String(key, strconv.Itoa(def))
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		r.Fail(key, v, fmt.Sprintf("a whole number from %d to %d", low, high), strconv.Itoa(def))
	}
	return n
}

// Object reads a structured key into out, which keeps its value where the key
// is not set.
func (r *Reader) Object(key string, out any, expected, example string) {
	if r.conf.Get(key) == "" {
		return
	}
	if err := r.conf.GetObject(key, out); err != nil {
		r.Fail(key, r.conf.Get(key), expected, example)
	}
}

// Exact is Object for a value that may have no other keys than out has fields:
// one that is misspelt would otherwise be taken for one that is left out.
func (r *Reader) Exact(key string, out any, expected, example string) {
	text := r.conf.Get(key)
	if text == "" {
		return
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(out); err != nil {
		r.Fail(key, text, fmt.Sprintf("%s (%v)", expected, err), example)
	}
}

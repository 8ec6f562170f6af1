// Package handlers holds what the Lambda functions share: reading their
// environment. The functions themselves are in its subfolders, one each.
package handlers

import (
	"errors"
	"fmt"
)

// Environment reads the named variables, all of which must be set.
func Environment(lookup func(string) (string, bool), names ...string) (map[string]string, error) {
	var errs []error
	out := map[string]string{}
	for _, name := range names {
		v, _ := lookup(name)
		if v == "" {
			errs = append(errs, fmt.Errorf("environment variable %s is not set: the shared project sets it on the function; deploy it again", name))
		}
		out[name] = v
	}
	return out, errors.Join(errs...)
}

// Package handlers holds what the Lambda functions share: reading their
// environment. The functions themselves are in its subfolders, one each.
package handlers

import (
	"errors"
	"fmt"
)

// Environment variables of the receiver. The starter has the first two as well.
const (
	EnvRepository      = "REPOSITORY"       // owner/name
	EnvBranch          = "BRANCH"           // the delivered branch
	EnvBus             = "BUS_NAME"         // name of the delivery event bus
	EnvSecret          = "SECRET_ID"        // ARN of the webhook secret
	EnvDeliveriesTable = "DELIVERIES_TABLE" // name of the table of deliveries
)

// EnvPipelineSources is the starter's list of pipelines: a JSON object from each
// pipeline's name to the event source that starts it.
const EnvPipelineSources = "PIPELINE_SOURCES"

// Environment variables of the scan gate.
const (
	EnvImageRepository = "REPOSITORY_NAME" // name of the ECR repository
	EnvParameter       = "PARAMETER_NAME"  // SSM parameter that holds the approved digest
	EnvVerdict         = "VERDICT_NAME"    // SSM parameter that holds the last verdict
	EnvAccepted        = "ACCEPTED_NAME"   // SSM parameter that holds the accepted findings
	EnvBlockSeverity   = "BLOCK_SEVERITY"  // lowest severity that refuses an image
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

// Package environment is the Pulumi program of an environment: its pipeline
// with everything around it. The three projects under environments/ run the
// same program; what differs between them is data, side by side in
// environments.go.
package environment

// Package environment is the Pulumi program of an environment: its pipeline
// with everything around it. The projects under environments/ run the same
// program, each for the environment that it is named after; what differs
// between them is data that bootstrap exports, see lib/promotion.
package environment

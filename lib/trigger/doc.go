// Package trigger makes what lies between events and a pipeline: the function
// that starts all pipelines (Starter), the rule of an environment that has its
// pipeline started, and the rule that tells people what became of it. The
// function belongs to shared, the rules to lib/environment.
package trigger

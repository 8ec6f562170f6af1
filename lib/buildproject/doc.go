// Package buildproject makes the two CodeBuild projects of an environment:
// the preview, which only reads the target account, and the deployment. Both
// run the deployer in the approved build image; each has a role of its own
// with exactly what its command calls. lib/environment is the only caller.
package buildproject

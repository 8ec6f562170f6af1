// Package pulumicli is the one driver of the pulumi command: what it gets of an
// environment, how it is interrupted, what it says, and what its failures mean.
// The deployer and the operator's commands both use it; what they do about a
// failure is theirs. It links nothing of Pulumi: see
// docs/decisions/0013-one-driver-of-the-cli.md.
package pulumicli

// Package statestore makes the buckets that hold Pulumi state: one for the
// platform's own stacks and one for the workloads of each environment. It adds
// to lib/bucket how long old state is kept. Who may read a state is decided by
// the key (lib/encryption) and the identity policies of its readers.
package statestore

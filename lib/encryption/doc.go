// Package encryption makes the customer-managed KMS keys of the platform, with
// yearly rotation, and decides who may use which one.
//
// The decision is plain data (Platform and ForEnvironment in uses.go), from
// settings to a key policy, and is tested without a cloud. A role needs both
// the key policy and its own identity policy to use a key. The bootstrap
// project is the only caller.
package encryption

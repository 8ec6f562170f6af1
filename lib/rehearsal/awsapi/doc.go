// Package awsapi plays the HTTP APIs of AWS that binaries call: the Pulumi
// CLI, the deployer, the Lambda functions, the platform commands, and a
// curious user's AWS CLI.
//
// One handler serves all services; the credential scope of a request's
// signature says which one is meant. Signatures, session tokens and expiry are
// verified, and every call is authorised with the caller's and the resource's
// policies (package cloud). A service or operation that is not played is
// refused.
package awsapi

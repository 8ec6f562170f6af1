// Package provider plays the resource providers aws, github and random for the
// real Pulumi engine: gRPC servers that the CLI attaches to
// (PULUMI_DEBUG_PROVIDERS), one set per credential context.
//
// It knows every resource type that the projects use (type Kind) and refuses
// an unknown one, an unknown input, a value that AWS would refuse, a reference
// to something that does not exist, a second resource of the same name, and a
// deletion that AWS would refuse. Every call is authorised with the policies
// of the provider's credentials.
package provider

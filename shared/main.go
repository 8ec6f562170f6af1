// Command shared is the Pulumi program of what all environments share: the
// build image and its scan gate, the webhook and the event bus, the topics,
// the ledger and the audit trail. See program.go.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() { pulumi.Run(program) }

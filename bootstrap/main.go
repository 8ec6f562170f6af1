// Command bootstrap is the Pulumi program of the bootstrap project: the KMS
// keys and state buckets that everything else stands on, and the settings that
// all projects share. Run it with: make bootstrap.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() { pulumi.Run(program) }

// This command is the Pulumi program of an environment's pipeline. The program
// is lib/environment; the name of the project, in Pulumi.yaml, says which
// environment it is for.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/environment"
)

func main() { pulumi.Run(environment.Program) }

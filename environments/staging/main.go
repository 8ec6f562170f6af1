// Command staging is the Pulumi program of the staging environment's pipeline. The
// program is lib/environment; what is staging's own is environment.Staging.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/environment"
)

func main() { pulumi.Run(environment.Staging.Program) }

// Command prod is the Pulumi program of the prod environment's pipeline. The
// program is lib/environment; what is prod's own is environment.Prod.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/environment"
)

func main() { pulumi.Run(environment.Prod.Program) }

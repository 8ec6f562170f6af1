// Command dev is the Pulumi program of the dev environment's pipeline. The
// program is lib/environment; what is dev's own is environment.Dev.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/environment"
)

func main() { pulumi.Run(environment.Dev.Program) }

// Command targets is the Pulumi program of the targets project: the preview
// role and the deploy role of one environment, in that environment's account.
// Run it with: make up PROJECT=targets/dev.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() { pulumi.Run(program) }

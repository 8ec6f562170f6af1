// Command deployer runs in the builds of a pipeline: preview in the Build
// stage, deploy in the Deploy stage; see lib/deploy.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"delivery.internal/lib/deploy"
)

func main() {
	deploy.RunHost() // the CLI starts this binary in place of the language hosts
	// Both signals end the context; the engine is then interrupted once and
	// may finish what it has begun. Later signals change nothing.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(commands{preview: preview, deploy: carryOut}).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

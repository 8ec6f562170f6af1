// Command platform holds the steps behind the Makefile; see make help.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"delivery.internal/lib/platform"
)

func main() {
	// Where pulumi shares the terminal with a person, a Ctrl-C reaches it from
	// there, and it takes a second one as "stop at once": this process only has
	// to survive the first.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	err := command(os.Stdin, os.Stdout, os.Getenv, platform.OwnEnvironment()).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

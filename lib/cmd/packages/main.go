// Command packages writes the picture of the repository's packages into
// docs/architecture.md. It is run by make packages, at the root.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"delivery.internal/lib/packages"
)

func main() {
	if err := write(context.Background(), filepath.Join("docs", "architecture.md")); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, document string) error {
	graph, err := packages.Load(ctx, ".")
	if err != nil {
		return err
	}
	generated, err := graph.Markdown()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	updated, err := packages.Insert(string(text), generated)
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(updated), 0o644)
}

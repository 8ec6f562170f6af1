// The command facts prints every rule that the code holds to, with the page
// that it comes from and where it is enforced.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdout, "lib"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run prints the facts below a folder as a Markdown table.
func run(w io.Writer, root string) error {
	facts, err := read(root)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "| rule | page | where enforced |\n|---|---|---|\n"); err != nil {
		return err
	}
	for _, f := range facts {
		if _, err := fmt.Fprintf(w, "| %s | %s | %s |\n", f.Rule, f.Page, f.where()); err != nil {
			return err
		}
	}
	return nil
}

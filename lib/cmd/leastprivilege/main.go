// Command leastprivilege takes one part at a time out of every policy of a
// rehearsal and says which parts no recorded call misses. It is run by
// make prove-least-privilege.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"delivery.internal/lib/leastprivilege"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "error: expected one argument, the recording of calls that `rehearse --calls=FILE` writes")
		os.Exit(2)
	}
	if err := prove(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func prove(file string, out io.Writer) error {
	recording, err := leastprivilege.Read(file)
	if err != nil {
		return err
	}
	reasons, err := leastprivilege.Reasons()
	if err != nil {
		return err
	}
	started := time.Now()
	result, err := leastprivilege.Prove(recording)
	if err != nil {
		return err
	}
	listed, unlisted, idle := result.Listed(reasons)
	for _, part := range result.Unnoticed {
		if reason, ok := listed[part]; ok {
			fmt.Fprintf(out, "listed   %s\n         %s\n         %s\n", part, reason.Reason, reason.Page)
		}
	}
	for _, part := range unlisted {
		fmt.Fprintf(out, "NO CALL NEEDS %s\n", part)
	}
	for _, part := range result.NeverCarried {
		fmt.Fprintf(out, "NO REQUEST CARRIES %s\n", part)
	}
	for _, r := range idle {
		fmt.Fprintf(out, "NO LONGER TRUE  the reason for %s, statement %s: %v\n", r.Policy, r.Statement, r.Parts)
	}
	fmt.Fprintf(out, "\n%d different calls, %d statements that allow; %d parts taken out, %d noticed, %d listed with a reason; %d conditions that no request carries; %s\n",
		result.Calls, result.Statements, result.Tried, result.Noticed, len(listed), len(result.NeverCarried), time.Since(started).Round(time.Millisecond))
	if n := len(unlisted) + len(idle) + len(result.NeverCarried); n > 0 {
		return fmt.Errorf("%d lines in capitals above: take out of the policy what no call needs, or list it with its reason and page in lib/leastprivilege/reasons.json", n)
	}
	return nil
}

// Command permissions says what the platform's own stacks newly allow between
// two commits. It is run by make permissions-diff, at the root.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"delivery.internal/lib/permissions"
	"delivery.internal/lib/plantest/dump"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 3 || os.Args[1] == "" {
		fmt.Fprintln(os.Stderr, "error: FROM is not set: expected two commits, as in: make permissions-diff FROM=main TO=HEAD")
		os.Exit(2)
	}
	if err := diff(ctx, os.Args[1], os.Args[2], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func diff(ctx context.Context, from, to string, out io.Writer) error {
	before, err := resourcesAt(ctx, from)
	if err != nil {
		return err
	}
	after, err := resourcesAt(ctx, to)
	if err != nil {
		return err
	}
	return report(out, from, to, permissions.Broadened(permissions.Compare(changes(before, after))))
}

// renderers are the tests that write the resources of all stacks. Without paths
// in them, what is equal in both commits is compiled once.
var renderers = []string{"test", "-count=1", "-trimpath", "-run", "^TestDumpResources$", "./bootstrap", "./shared", "./targets", "./lib/environment"}

// resourcesAt renders the stacks of a commit in a working tree of its own.
func resourcesAt(ctx context.Context, commit string) (dumped []dump.Stack, err error) {
	dir, err := os.MkdirTemp("", "permissions-")
	if err != nil {
		return nil, err
	}
	tree, resources := filepath.Join(dir, "tree"), filepath.Join(dir, "resources")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Mkdir(resources, 0o700); err != nil {
		return nil, err
	}
	if err := run(ctx, "", nil, "git", "worktree", "add", "--quiet", "--detach", tree, commit); err != nil {
		return nil, fmt.Errorf("%s is not a commit of this repository: %w", commit, err)
	}
	defer func() {
		err = errors.Join(err, run(context.WithoutCancel(ctx), "", nil, "git", "worktree", "remove", "--force", tree))
	}()
	if err := run(ctx, tree, []string{dump.Variable + "=" + resources}, "go", renderers...); err != nil {
		return nil, fmt.Errorf("the stacks of %s can't be rendered: %w", commit, err)
	}
	dumped, err = dump.Read(resources)
	if err == nil && len(dumped) == 0 {
		err = fmt.Errorf("%s has no tests TestDumpResources, which render its stacks: expected a commit that has them", commit)
	}
	return dumped, err
}

func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, output)
	}
	return nil
}

// changes pairs the resources of two commits by their URN.
func changes(before, after []dump.Stack) []permissions.Change {
	var out []permissions.Change
	place := map[string]int{}
	at := func(r dump.Resource) *permissions.Change {
		i, known := place[r.URN]
		if !known {
			i = len(out)
			place[r.URN], out = i, append(out, permissions.Change{URN: r.URN, Type: r.Type})
		}
		return &out[i]
	}
	for _, stack := range before {
		for _, r := range stack.Resources {
			at(r).Before = r.Inputs
		}
	}
	for _, stack := range after {
		for _, r := range stack.Resources {
			at(r).After = r.Inputs
		}
	}
	return out
}

func report(out io.Writer, from, to string, broadened []permissions.Finding) error {
	if len(broadened) == 0 {
		_, err := fmt.Fprintf(out, "%s allows nothing that %s does not\n", to, from)
		return err
	}
	for _, f := range broadened {
		fmt.Fprintln(out, f.URN)
		for _, b := range f.Broadenings {
			fmt.Fprintf(out, "    %s\n", b.Sentence)
		}
	}
	_, err := fmt.Fprintf(out, "%s allows more than %s: resources above: %d\n", to, from, len(broadened))
	return err
}

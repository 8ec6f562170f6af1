package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/operator"
	"delivery.internal/lib/rehearsal/story"
)

// options are what the flags say.
type options struct {
	root, suffix, approve  string
	inventory, report, log string
	calls                  string
	keep, verbose          bool
}

// The answers of --approve.
const (
	approveAsk = "ask"
	approveYes = "yes"
	approveNo  = "no"
)

func command(in io.Reader, out io.Writer) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "rehearse",
		Short: "Rehearse the delivery platform without an AWS account",
		Long: "Deploys the platform on the real Pulumi engine against a local cloud, carries a merged change to production,\n" +
			"destroys everything and proves that nothing is left. Needs what `make tools build` makes.",
		Args:         cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), o, in, out) },
	}
	f := c.Flags()
	f.StringVar(&o.root, "root", ".", "folder of the repository")
	f.StringVar(&o.suffix, "suffix", rehearsal.DefaultSuffix, "environment suffix of the rehearsed installation")
	f.StringVar(&o.approve, "approve", approveAsk, "answer for the person who approves production: yes, no or ask")
	f.BoolVar(&o.keep, "keep", false, "leave the cloud running with everything deployed, and print how to use it")
	f.StringVar(&o.inventory, "inventory", "", "write every deployed resource to this file, as JSON")
	f.StringVar(&o.calls, "calls", "", "write every authorized call and every policy to this file, as JSON")
	f.StringVar(&o.report, "report", "rehearsal-report.html", "write the report to this file; empty for none")
	f.StringVar(&o.log, "log", "rehearsal-report.log", "write the output of the CLI to this file; empty for none")
	f.BoolVar(&o.verbose, "verbose", false, "print the output of the CLI too")
	return c
}

// check refuses what can't work before anything is started.
func (o options) check(terminal bool) error {
	switch {
	case o.approve != approveYes && o.approve != approveNo && o.approve != approveAsk:
		return fmt.Errorf("--approve is %q: expected yes, no or ask", o.approve)
	case o.approve == approveAsk && !terminal:
		return errors.New("production needs an approval and this is not a terminal: answer beforehand with: make rehearse APPROVE=yes")
	}
	for flag, file := range map[string]string{"--inventory": o.inventory, "--calls": o.calls, "--report": o.report, "--log": o.log} {
		if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
			return fmt.Errorf("%s is %q, whose folder does not exist: create it, or give a file in another", flag, file)
		}
	}
	if _, err := os.Stat(filepath.Join(o.root, ".tools", "bin", "pulumi")); err != nil {
		return fmt.Errorf("the Pulumi CLI is missing (%w): run: make tools", err)
	}
	if _, err := os.Stat(filepath.Join(o.root, "dist", "lambda", "receiver", "bootstrap")); err != nil {
		return fmt.Errorf("the Lambda functions are missing (%w): run: make build LAMBDA_ARCH=$(go env GOARCH)", err)
	}
	return nil
}

func run(ctx context.Context, o options, in io.Reader, out io.Writer) error {
	live := isTerminal(in) && isTerminal(out) && !o.verbose
	if err := o.check(isTerminal(in)); err != nil {
		return err
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return err
	}
	log, closeLog, err := o.openLog(out)
	if err != nil {
		return err
	}
	defer closeLog()
	ui := newScreen(out, live)
	ui.tree.Set(story.Running, "once after a change", "compile the projects")
	if err := rehearsal.BuildPrograms(ctx, root); err != nil {
		ui.close()
		return err
	}
	ui.tree.Set(story.Done, "", "compile the projects")
	dir, err := os.MkdirTemp("", "rehearsal-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rig, err := rehearsal.Open(ctx, rehearsal.Options{Root: root, Dir: dir, Suffix: o.suffix})
	if err != nil {
		ui.close()
		return err
	}
	record := func() error { return nil }
	if o.calls != "" {
		calls := rig.RecordCalls()
		record = func() error { return calls.Write(o.calls) }
	}
	report, err := o.play(ctx, rig, ui, log, in, out)
	ui.close()
	if err = errors.Join(err, record()); err != nil {
		return errors.Join(err, rig.Close())
	}
	return errors.Join(finish(report, o, out), rig.Close())
}

// play runs the story on a rig.
func (o options) play(ctx context.Context, rig *rehearsal.Rig, ui *screen, log io.Writer, in io.Reader, out io.Writer) (story.Report, error) {
	person, err := operator.New(rig, log)
	if err != nil {
		return story.Report{}, err
	}
	defer person.Close()
	s := story.Story{Rig: rig, Operator: person, Tree: ui.tree, Log: log, InventoryFile: o.inventory, Approve: o.approver(ui, in, out)}
	if o.keep {
		s.Keep = func(ctx context.Context) error {
			ui.close()
			return keep(ctx, rig, person, out)
		}
	}
	return s.Play(ctx), nil
}

// finish shows and writes the report.
func finish(report story.Report, o options, out io.Writer) error {
	report.Print(out)
	if report.Err != "" && o.log != "" && !o.verbose {
		printDiagnostics(out, o.log)
	}
	if o.report != "" {
		if err := report.WriteHTML(o.report); err != nil {
			return err
		}
		fmt.Fprintf(out, "\nreport: %s\n", o.report)
	}
	if o.inventory != "" {
		fmt.Fprintf(out, "inventory: %s\n", o.inventory)
	}
	if o.log != "" {
		fmt.Fprintf(out, "output of the CLI: %s\n", o.log)
	}
	if !report.OK() {
		return errors.New("the rehearsal failed; see above")
	}
	return nil
}

// printDiagnostics prints the last diagnostics of the CLI, which only its log has.
func printDiagnostics(out io.Writer, log string) {
	const most = 5
	text, err := os.ReadFile(log)
	if err != nil {
		return // without the log the error of the step still stands
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "error: ") && line != "error: update failed" {
			lines = append(lines, line)
		}
	}
	for _, line := range lines[max(0, len(lines)-most):] {
		fmt.Fprintf(out, "  | %s\n", line)
	}
}

func (o options) openLog(out io.Writer) (io.Writer, func(), error) {
	var writers []io.Writer
	done := func() {}
	if o.log != "" {
		f, err := os.OpenFile(o.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, done, err
		}
		writers, done = append(writers, f), func() { _ = f.Close() }
	}
	if o.verbose {
		writers = append(writers, out)
	}
	return io.MultiWriter(writers...), done, nil
}

// approver answers as the flags say, or asks below the tree.
func (o options) approver(ui *screen, in io.Reader, out io.Writer) func(context.Context, operator.Question) (bool, error) {
	if o.approve != approveAsk {
		return func(context.Context, operator.Question) (bool, error) { return o.approve == approveYes, nil }
	}
	answers := bufio.NewReader(in)
	return func(_ context.Context, q operator.Question) (yes bool, err error) {
		ui.pause(func() { yes, err = ask(answers, out, q) })
		return yes, err
	}
}

func ask(in *bufio.Reader, out io.Writer, q operator.Question) (bool, error) {
	fmt.Fprintf(out, "\n%s\n%s waits for your approval of commit %s\n  %s\n  digest of the reviewed plans: %s\nDeploy to %s? [y/N] ", q.Diff, q.Pipeline, q.Commit, q.Summary, q.Digest, q.Environment)
	line, err := in.ReadString('\n')
	if err != nil && line == "" {
		return false, fmt.Errorf("no answer was given: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// keep prints how to look around, and waits.
func keep(ctx context.Context, rig *rehearsal.Rig, person *operator.Operator, out io.Writer) error {
	fmt.Fprintf(out, "\nThe local cloud is running. In another shell:\n\n")
	for _, kv := range person.Shell() {
		name, value, _ := strings.Cut(kv, "=")
		fmt.Fprintf(out, "export %s='%s'\n", name, value)
	}
	fmt.Fprintf(out, "cd %s\n\nThen for instance: pulumi stack ls --all; pulumi stack output --stack %s\nCtrl-C ends it, and everything in it.\n",
		rig.ProjectDir("environments/dev"), rig.Suffix)
	<-ctx.Done()
	return nil
}

func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// screen is the live tree, or plain lines.
type screen struct {
	tree *story.Tree
	live *story.Screen
}

func newScreen(out io.Writer, live bool) *screen {
	if !live {
		return &screen{tree: story.NewTree(story.Lines(out))}
	}
	s := &screen{tree: story.NewTree(nil)}
	s.live = story.NewScreen(out, s.tree, func() (int, int) {
		w, h, err := term.GetSize(int(out.(*os.File).Fd()))
		if err != nil || w <= 0 {
			return 80, 24
		}
		return w, h
	})
	return s
}

func (s *screen) pause(f func()) {
	if s.live == nil {
		f()
		return
	}
	s.live.Pause(f)
}

// close is safe to call twice.
func (s *screen) close() {
	if s.live != nil {
		s.live.Close()
		s.live = nil
	}
}

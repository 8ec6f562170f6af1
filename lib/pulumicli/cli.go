package pulumicli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// CLI is the pulumi command.
type CLI struct {
	// Path is where it is.
	Path string
	// Runner starts it; as a child process where nil.
	Runner Runner
}

// Call is one call of the CLI.
type Call struct {
	// Args begin with the command's name.
	Args []string
	// Stack is the full name, "organization/PROJECT/STACK"; empty for a
	// command that is about no stack.
	Stack string
	// Dir is the project's folder.
	Dir string
	// Env is what Environment.From returned.
	Env []string
	// Stdin answers the CLI's questions; nil lets it ask none.
	Stdin io.Reader
	// Stdout and Stderr get what the CLI says as it comes; nil keeps it.
	Stdout, Stderr io.Writer
	// Screen hands Stdout to the CLI itself, which draws there as on a
	// terminal. What it says there is not in the outcome then.
	Screen bool
}

// Outcome is how a call ended. The streams are as the CLI wrote them: nothing
// of them may be shown that did not go through Text or Lines.
type Outcome struct {
	// Call is the command's name, for instance "stack export".
	Call string
	// Code is the exit code; -1 for a process that did not end by itself.
	Code           int
	Stdout, Stderr string
	// Err is how the process ended; nil for success.
	Err error
}

// Run runs the CLI once.
func (c CLI) Run(ctx context.Context, call Call) Outcome {
	var stdout, stderr bytes.Buffer
	command := Command{Path: c.Path, Args: call.args(), Dir: call.Dir, Env: call.Env, Stdin: call.Stdin, Terminal: call.Stdin != nil,
		Stdout: both(&stdout, call.Stdout), Stderr: both(&stderr, call.Stderr)}
	if call.Screen {
		command.Stdout = call.Stdout
	}
	runner := c.Runner
	if runner == nil {
		runner = Process{}
	}
	out := Outcome{Call: call.name(), Err: runner.Run(ctx, command), Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(out.Err, &exit):
		out.Code = exit.ExitCode()
	case out.Err != nil:
		out.Code = -1
	}
	return out
}

func both(kept *bytes.Buffer, shown io.Writer) io.Writer {
	if shown == nil {
		return kept
	}
	return io.MultiWriter(kept, shown)
}

func (c Call) args() []string {
	args := slices.Clone(c.Args)
	if c.Stack != "" {
		args = append(args, "--stack", c.Stack)
	}
	if c.Stdin == nil {
		args = append(args, "--non-interactive")
	}
	return args
}

// name is the command without its flags.
func (c Call) name() string {
	if c.Args[0] == "stack" {
		return strings.Join(c.Args[:min(2, len(c.Args))], " ")
	}
	return c.Args[0]
}

// Class says what the failure means.
func (o Outcome) Class() Class { return Classify(o.Code, o.Stdout, o.Stderr) }

// NoStack says whether the call failed because the stack does not exist.
func (o Outcome) NoStack() bool { return o.Err != nil && o.Class() == NoStack }

// Error is the failure as an error that wraps how the process ended, nil for
// success; what names the stack to people.
func (o Outcome) Error(what string) error {
	if o.Err == nil {
		return nil
	}
	if text := o.Text(); text != o.Err.Error() {
		return fmt.Errorf("pulumi %s of %s failed: %w: %s", o.Call, what, o.Err, text)
	}
	return fmt.Errorf("pulumi %s of %s failed: %w", o.Call, what, o.Err)
}

// textBytes is enough of the CLI's words for an error.
const textBytes = 2000

// sdkNoise are warnings of the AWS SDK inside the CLI, for instance about a
// backend that sends no checksums.
var sdkNoise = regexp.MustCompile(`(?m)^SDK [0-9/]+ [0-9:]+ (WARN|DEBUG) .*$`)

// Text is the part of the output that explains a failure: errors of the
// backend, or the engine's diagnostics.
func (o Outcome) Text() string {
	stdout, stderr := redact(o.Stdout), redact(o.Stderr)
	text := strings.TrimSpace(sdkNoise.ReplaceAllString(stderr, ""))
	if _, diagnostics, found := strings.Cut(stdout, "Diagnostics:"); found {
		text = strings.TrimSpace(diagnostics + "\n" + text)
	}
	if text == "" {
		text = strings.TrimSpace(stdout)
	}
	if text == "" && o.Err != nil {
		return o.Err.Error()
	}
	return strings.Join(strings.Fields(text[max(0, len(text)-textBytes):]), " ")
}

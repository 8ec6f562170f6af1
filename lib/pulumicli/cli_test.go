package pulumicli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

// script is a stand-in for the CLI.
func script(t *testing.T, text string) pulumicli.CLI {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pulumi")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	return pulumicli.CLI{Path: path}
}

func TestACallNamesItsStackAndAsksNothing(t *testing.T) {
	t.Parallel()
	echo := script(t, `echo "$@"`)
	for want, call := range map[string]pulumicli.Call{
		"stack export --stack organization/p/dev --non-interactive\n": {Args: []string{"stack", "export"}, Stack: "organization/p/dev"},
		"stack ls --all --non-interactive\n":                          {Args: []string{"stack", "ls", "--all"}},
		"up --stack organization/p/dev\n":                             {Args: []string{"up"}, Stack: "organization/p/dev", Stdin: strings.NewReader("")},
	} {
		out := echo.Run(t.Context(), call)
		require.NoError(t, out.Err)
		require.Equal(t, want, out.Stdout)
	}
}

func TestAnOutcomeTellsCodeClassAndText(t *testing.T) {
	t.Parallel()
	out := script(t, "echo \"error: no stack named 'dev' found\" >&2; exit 6").Run(t.Context(), pulumicli.Call{Args: []string{"stack", "export"}})
	require.Equal(t, 6, out.Code)
	require.True(t, out.NoStack())
	require.EqualError(t, out.Error("shared"), "pulumi stack export of shared failed: exit status 6: error: no stack named 'dev' found")

	// A program that speaks of a missing stack is not a stack that is missing.
	out = script(t, "printf \"Diagnostics:\\n  error: no stack named 'dev' found\\n\"; exit 255").Run(t.Context(), pulumicli.Call{Args: []string{"up"}})
	require.False(t, out.NoStack())
	require.Equal(t, pulumicli.ProgramOrDeploy, out.Class())

	out = pulumicli.CLI{Path: "/nowhere/pulumi"}.Run(t.Context(), pulumicli.Call{Args: []string{"up"}})
	require.Equal(t, -1, out.Code)
	require.ErrorIs(t, out.Error("shared"), os.ErrNotExist)
	require.NoError(t, script(t, "").Run(t.Context(), pulumicli.Call{Args: []string{"up"}}).Error("shared"))
}

func TestTheScreenIsHandedToTheCLI(t *testing.T) {
	t.Parallel()
	cli := script(t, "echo drawn; echo wrong >&2; exit 1")
	var screen bytes.Buffer
	out := cli.Run(t.Context(), pulumicli.Call{Args: []string{"up"}, Stdout: &screen, Stderr: io.Discard, Screen: true})
	require.Equal(t, "drawn\n", screen.String())
	require.Empty(t, out.Stdout)
	require.ErrorContains(t, out.Error("shared"), "wrong")
}

// The engine abandons what it does at a second interrupt.
func TestAnEndedContextInterruptsOnceAndWaits(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	started, writer := io.Pipe()
	go func() {
		_, _ = started.Read(make([]byte, 1))
		cancel()
		_, _ = io.Copy(io.Discard, started)
	}()
	cli := script(t, `trap 'n=$((n+1))' INT
echo started
i=0
while [ $i -lt 40 ]; do sleep 0.01; i=$((i+1)); done
echo interrupted $n times`)
	out := cli.Run(ctx, pulumicli.Call{Args: []string{"up"}, Stdout: writer})
	require.Contains(t, out.Stdout, "interrupted 1 times")
	require.Error(t, out.Err)
}

func TestLinesOfParallelStacksAreToldApartAndCleaned(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var to bytes.Buffer
	stdout, stderr := pulumicli.NewLines(&mu, &to, "[a] ")
	for _, part := range []string{"on", "e\r\n\ntw", "o"} {
		_, err := stdout.Write([]byte(part))
		require.NoError(t, err)
	}
	_, err := stderr.Write([]byte("x violates plan: properties changed: ~~token[{secret}]\nsecret\n"))
	require.NoError(t, err)
	require.NoError(t, stdout.Flush())
	require.NoError(t, stderr.Flush())
	require.Equal(t, "[a] one\n[a] x violates plan: properties changed: token (values left out)\n[a] two\n", to.String())
}

package rehearsal_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/operator"
	"delivery.internal/lib/rehearsal/story"
	"delivery.internal/lib/testbuild"
)

// TestFourEnvironmentsAndTwoApprovals rehearses what somebody gets who runs
// `make environment NAME=qa FOLLOWS=dev` and has staging approved too.
func TestFourEnvironmentsAndTwoApprovals(t *testing.T) {
	testbuild.Long(t)
	testbuild.Tools(t)
	root := clone(t, testbuild.Binaries(t))
	add := exec.CommandContext(t.Context(), "go", "run", "./lib/cmd/platform", "environment", "--name", "qa", "--follows", "dev")
	add.Dir = root
	out, err := add.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, rehearsal.BuildPrograms(t.Context(), root))
	environments, err := platform.Environments(root, "")
	require.NoError(t, err)
	require.Equal(t, []naming.Environment{naming.Dev, naming.Staging, naming.Prod, "qa"}, environments.Names())
	environments[1].Approval = true

	rig, err := rehearsal.Open(t.Context(), rehearsal.Options{Root: root, Dir: t.TempDir(), Environments: environments})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rig.Close()) })
	log := &output{}
	person, err := operator.New(rig, log)
	require.NoError(t, err)
	t.Cleanup(person.Close)
	var asked []naming.Environment
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Minute)
	defer stop()
	report := (&story.Story{Rig: rig, Operator: person, Tree: story.NewTree(story.Lines(io.Discard)), Log: io.Discard,
		Approve: func(_ context.Context, q operator.Question) (bool, error) {
			asked = append(asked, q.Environment)
			return true, nil
		}}).Play(ctx)

	require.Empty(t, report.Err, log.tail())
	require.Empty(t, report.Denied)
	for _, c := range report.Checks {
		require.True(t, c.OK, "%s: %s", c.What, c.Detail)
	}
	require.Equal(t, []naming.Environment{naming.Staging, naming.Prod, naming.Staging, naming.Prod}, asked, "two pushes, each asked about twice")
	for _, what := range []string{"qa's workload is in its own account", "qa started after dev's deployment", "the ledger holds the deployment to qa", "staging is deployed only after a person's approval"} {
		require.Contains(t, said(report), what)
	}
}

func said(r story.Report) string {
	var all strings.Builder
	for _, c := range r.Checks {
		all.WriteString(c.What + "\n")
	}
	return all.String()
}

// clone copies the repository, as git knows it, and takes what was built along.
func clone(t *testing.T, root string) string {
	t.Helper()
	root, err := filepath.Abs(root)
	require.NoError(t, err)
	to := t.TempDir()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	files, err := list.Output()
	require.NoError(t, err)
	for file := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(to, file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(to, file), text, 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(to, ".tools"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join(root, ".tools", "bin"), filepath.Join(to, ".tools", "bin")))
	for _, built := range []string{"lambda", "image"} {
		require.NoError(t, os.CopyFS(filepath.Join(to, "dist", built), os.DirFS(filepath.Join(root, "dist", built))))
	}
	return to
}

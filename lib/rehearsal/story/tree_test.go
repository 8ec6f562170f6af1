package story

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTreeTellsEveryChangeOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tree := NewTree(Lines(&out))
	tree.Set(Running, "", "push")
	tree.Set(Running, "Source", "push", "pipeline-dev")
	tree.Set(Running, "Build", "push", "pipeline-dev")
	tree.Set(Failed, "denied", "push", "pipeline-dev")
	text := out.String()
	require.Equal(t, 3, bytes.Count(out.Bytes(), []byte("\n")), text)
	require.Contains(t, text, "● push")
	require.Contains(t, text, "✗ push › pipeline-dev  denied")
}

func TestTreeFoldsFinishedSteps(t *testing.T) {
	t.Parallel()
	tree := NewTree(nil)
	tree.Set(Done, "", "bootstrap", "part")
	tree.Set(Done, "", "bootstrap")
	tree.Set(Running, "", "push", "pipeline-dev")
	tree.Set(Running, "", "push")
	lines := render(tree.Nodes(), time.Now())
	require.Len(t, lines, 3)
	require.Contains(t, lines[0], "✓ bootstrap")
	require.Contains(t, lines[2], "  ● pipeline-dev")
}

func TestTreeTimesANodeThatBeginsAgain(t *testing.T) {
	t.Parallel()
	tree := NewTree(nil)
	now := time.Unix(0, 0)
	tree.now = func() time.Time { return now }
	tree.Set(Running, "", "a")
	now = now.Add(time.Second)
	tree.Set(Done, "", "a")
	require.Equal(t, time.Second, tree.Nodes()[0].Took)
	now = now.Add(time.Second)
	tree.Set(Running, "", "a")
	now = now.Add(3 * time.Second)
	tree.Set(Done, "", "a")
	require.Equal(t, 3*time.Second, tree.Nodes()[0].Took)
}

func TestScreenReplacesItsLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tree := NewTree(nil)
	tree.Set(Running, "", "a long label that does not fit")
	s := &Screen{out: &out, tree: tree, size: func() (int, int) { return 20, 10 }}
	s.draw()
	require.NotContains(t, out.String(), "\x1b[1A")
	s.draw()
	require.Contains(t, out.String(), "\x1b[1A")
	require.Contains(t, out.String(), "…")
}

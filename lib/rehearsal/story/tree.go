package story

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Status is the state of a node of the tree.
type Status string

// The states of nodes.
const (
	Running Status = "running"
	Waiting Status = "waiting" // for a person
	Done    Status = "done"
	Failed  Status = "failed"
	Stopped Status = "stopped" // superseded or canceled
)

// Node is one thing that happens during a rehearsal: a step, a pipeline
// execution, a stage, an action.
type Node struct {
	Label    string        `json:"label"`
	Note     string        `json:"note,omitempty"`
	Status   Status        `json:"status"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took"` // nanoseconds; 0 while it runs
	Children []*Node       `json:"children,omitempty"`
}

// Tree is what has happened so far. Its methods may be called from everywhere.
type Tree struct {
	mu       sync.Mutex
	root     Node
	now      func() time.Time
	listener func(path []string, n Node)
}

// NewTree returns an empty tree; listener is told of every change of a node's
// status, and may be nil.
func NewTree(listener func(path []string, n Node)) *Tree {
	return &Tree{now: time.Now, listener: listener}
}

// Set gives the node at path, made with its parents where it is missing, a
// status and a note. An empty note keeps the old one.
func (t *Tree) Set(status Status, note string, path ...string) {
	t.mu.Lock()
	n := &t.root
	for _, label := range path {
		n = n.child(label, t.now())
	}
	changed := n.Status != status
	if changed && (n.Status == Done || n.Status == Failed || n.Status == Stopped) && (status == Running || status == Waiting) {
		n.Started, n.Took = t.now(), 0 // it begins again
	}
	n.Status = status
	if note != "" {
		n.Note = note
	}
	if n.isEnded() && n.Took == 0 {
		n.Took = max(t.now().Sub(n.Started), 1)
	}
	copied := *n
	t.mu.Unlock()
	if changed && t.listener != nil {
		t.listener(path, copied)
	}
}

// Nodes returns a copy of the top of the tree.
func (t *Tree) Nodes() []Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Node
	for _, n := range t.root.Children {
		out = append(out, n.copy())
	}
	return out
}

func (n *Node) isEnded() bool { return n.Status == Done || n.Status == Failed || n.Status == Stopped }

func (n *Node) child(label string, now time.Time) *Node {
	for i := len(n.Children) - 1; i >= 0; i-- {
		if n.Children[i].Label == label {
			return n.Children[i]
		}
	}
	c := &Node{Label: label, Started: now, Status: ""}
	n.Children = append(n.Children, c)
	return c
}

func (n *Node) copy() Node {
	c := *n
	c.Children = nil
	for _, child := range n.Children {
		k := child.copy()
		c.Children = append(c.Children, &k)
	}
	return c
}

var marks = map[Status]string{Running: "●", Waiting: "◆", Done: "✓", Failed: "✗", Stopped: "○"}

// render writes the tree as lines. Finished steps are folded, so that what
// runs fits on a screen.
func render(nodes []Node, now time.Time) []string {
	var out []string
	for _, n := range nodes {
		out = appendNode(out, n, 0, now)
	}
	return out
}

func appendNode(out []string, n Node, depth int, now time.Time) []string {
	took := n.Took
	if took == 0 {
		took = now.Sub(n.Started)
	}
	line := fmt.Sprintf("%s%s %s", strings.Repeat("  ", depth), marks[n.Status], n.Label)
	if n.Note != "" {
		line += "  " + n.Note
	}
	out = append(out, fmt.Sprintf("%s  (%s)", line, took.Round(100*time.Millisecond)))
	if n.Status == Done && depth == 0 && !n.hasUnfinished() {
		return out
	}
	for _, c := range n.Children {
		out = appendNode(out, *c, depth+1, now)
	}
	return out
}

func (n *Node) hasUnfinished() bool {
	for _, c := range n.Children {
		if !c.isEnded() || c.hasUnfinished() {
			return true
		}
	}
	return false
}

// Lines prints every change of a tree as one line: for logs.
func Lines(out io.Writer) func([]string, Node) {
	var mu sync.Mutex
	started := time.Now()
	return func(path []string, n Node) {
		mu.Lock()
		defer mu.Unlock()
		text := fmt.Sprintf("%7.1fs %s %s", time.Since(started).Seconds(), marks[n.Status], strings.Join(path, " › "))
		if n.Note != "" {
			text += "  " + n.Note
		}
		if n.isEnded() {
			text += fmt.Sprintf("  (%s)", n.Took.Round(100*time.Millisecond))
		}
		fmt.Fprintln(out, text)
	}
}

// frames is how often a second the live tree is drawn.
const frames = 8

// Screen draws a tree again and again on a terminal.
type Screen struct {
	out   io.Writer
	tree  *Tree
	size  func() (width, height int)
	mu    sync.Mutex
	drawn int // lines on the screen
	stop  chan struct{}
	done  chan struct{}
}

// NewScreen starts drawing a tree; size returns the terminal's columns and rows.
func NewScreen(out io.Writer, tree *Tree, size func() (width, height int)) *Screen {
	s := &Screen{out: out, tree: tree, size: size, stop: make(chan struct{}), done: make(chan struct{})}
	go s.loop()
	return s
}

func (s *Screen) loop() {
	defer close(s.done)
	tick := time.NewTicker(time.Second / frames)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.mu.Lock()
			s.draw()
			s.mu.Unlock()
		}
	}
}

// draw replaces what was drawn before. What does not fit is cut at the top:
// what happens now is at the bottom.
func (s *Screen) draw() {
	width, height := s.size()
	lines := render(s.tree.Nodes(), time.Now())
	if over := len(lines) - (height - 1); over > 0 && height > 1 {
		lines = lines[over:]
	}
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	b.WriteString("\r\x1b[J")
	for _, l := range lines {
		b.WriteString(cutText(l, width-1) + "\n")
	}
	s.drawn = len(lines)
	_, _ = io.WriteString(s.out, b.String()) // a lost terminal ends nothing
}

// Pause draws once more, lets f use the terminal below the tree, and goes on
// with a new drawing underneath.
func (s *Screen) Pause(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw()
	f()
	s.drawn = 0
}

// Close draws the end and stops.
func (s *Screen) Close() {
	close(s.stop)
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw()
}

func cutText(s string, width int) string {
	r := []rune(s)
	if width > 1 && len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}

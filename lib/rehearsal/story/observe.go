package story

import (
	"fmt"
	"strings"

	"delivery.internal/lib/rehearsal/cloud"
)

// states translates the states of pipelines into those of the tree.
var states = map[string]Status{
	"STARTED": Running, "WAITING": Waiting, "SUCCEEDED": Done, "FAILED": Failed, "SUPERSEDED": Stopped, "STOPPED": Stopped,
}

// observeEvent grows the tree under the running step.
func (s *Story) observeEvent(e cloud.Event) {
	step := s.runningStep()
	if step == "" {
		return
	}
	if e.Kind == "buildlog" {
		fmt.Fprintf(s.Log, "%s | %s\n", e.Subject, e.Message)
		return
	}
	text := func(key string) string { v, _ := e.Fields[key].(string); return v }
	switch e.Kind {
	case "pipeline":
		s.Tree.Set(states[text("state")], firstLine(text("error")), step, e.Subject)
	case "stage":
		s.Tree.Set(states[text("state")], "", step, e.Subject, text("stage"))
	case "action":
		if state := states[text("state")]; state == Waiting || text("error") != "" {
			note := firstLine(text("error"))
			if state == Waiting {
				note = "waits for a person"
			}
			s.Tree.Set(state, note, step, e.Subject, text("stage"))
		}
	case "resource":
		if text("change") != "" {
			s.countChange(text("change"))
			s.Tree.Set(Running, s.changesText(), step)
		}
	case "lambda":
		if e.Fields["log"] == nil {
			s.Tree.Set(Done, e.Message, step, e.Subject)
		}
	case "denied":
		s.Tree.Set(Failed, firstLine(e.Message), step, "denied: "+e.Subject)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return cutText(line, 160)
}

func (s *Story) runningStep() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.step
}

func (s *Story) beginStep(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step, s.changes = step, map[string]int{}
}

func (s *Story) countChange(change string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[change]++
}

// changesText says what has become of resources in the running step.
func (s *Story) changesText() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []string
	for _, change := range []string{"created", "updated", "deleted"} {
		if n := s.changes[change]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, change))
		}
	}
	return strings.Join(parts, ", ")
}

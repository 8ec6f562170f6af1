package cloud

import (
	"slices"
	"sync"
	"time"
)

// Event is one fact in the journal.
type Event struct {
	Time    time.Time      `json:"time"`
	Kind    string         `json:"kind"`    // for instance "call", "denied", "event", "pipeline", "build", "lambda", "resource", "github", "notification"
	Subject string         `json:"subject"` // what it is about: a pipeline, a function, a resource
	Message string         `json:"message"` // one line
	Fields  map[string]any `json:"fields,omitempty"`
}

// Journal is the record of everything that happens in the local cloud.
type Journal struct {
	mu        sync.Mutex
	events    []Event
	listeners []func(Event)
}

// Add records an event. Secrets must not be part of it.
func (j *Journal) Add(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	j.mu.Lock()
	j.events = append(j.events, e)
	listeners := slices.Clone(j.listeners)
	j.mu.Unlock()
	for _, f := range listeners {
		f(e)
	}
}

// Events returns a copy of the record, optionally only the given kinds.
func (j *Journal) Events(kinds ...string) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []Event
	for _, e := range j.events {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			out = append(out, e)
		}
	}
	return out
}

// Listen registers a function that is given every later event.
func (j *Journal) Listen(f func(Event)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.listeners = append(j.listeners, f)
}

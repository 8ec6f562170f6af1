package pulumicli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Event is the part of an engine event that is read here. Its fields are those
// of apitype.EngineEvent in Pulumi's SDK.
type Event struct {
	// ResourcePreEvent announces a step.
	ResourcePreEvent *StepEvent `json:"resourcePreEvent"`
	// ResOutputsEvent tells what a step has led to.
	ResOutputsEvent *StepEvent `json:"resOutputsEvent"`
}

// StepEvent is an event of one step.
type StepEvent struct {
	Metadata Step `json:"metadata"`
}

// Step is what the engine does to a resource. Secrets in it are masked.
type Step struct {
	Op           string         `json:"op"`
	URN          string         `json:"urn"`
	Type         string         `json:"type"`
	Diffs        []string       `json:"diffs"`
	Keys         []string       `json:"keys"`
	DetailedDiff map[string]any `json:"detailedDiff"`
	Old          *StepState     `json:"old"`
	New          *StepState     `json:"new"`
}

// StepState is one side of a step.
type StepState struct {
	URN            string         `json:"urn"`
	Parent         string         `json:"parent"`
	Provider       string         `json:"provider"`
	Protect        bool           `json:"protect"`
	RetainOnDelete bool           `json:"retainOnDelete"`
	Inputs         map[string]any `json:"inputs"`
	Outputs        map[string]any `json:"outputs"`
}

// OpSame is the operation of a step that changes nothing.
const OpSame = "same"

// Events reads what --event-log wrote. Numbers are json.Number.
func Events(log []byte) ([]Event, error) {
	var out []Event
	dec := json.NewDecoder(bytes.NewReader(log))
	dec.UseNumber()
	for {
		var e Event
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the engine's event log is not readable: %w", err)
		}
		out = append(out, e)
	}
}

// Steps are the operations that events announce, same included.
func Steps(events []Event) []Step {
	var out []Step
	for _, e := range events {
		if e.ResourcePreEvent != nil {
			out = append(out, e.ResourcePreEvent.Metadata)
		}
	}
	return out
}

// Stepped says whether any resource operation had begun. A log that can't be
// read (the engine was killed) counts as begun.
func Stepped(log []byte) bool {
	events, err := Events(log)
	return err != nil || slices.ContainsFunc(Steps(events), func(s Step) bool { return s.Op != OpSame })
}

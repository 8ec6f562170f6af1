package contract

import "encoding/json"

// StartRequest is what the rule of an environment sends to the starter.
type StartRequest struct {
	// Pipeline is the pipeline to start.
	Pipeline string `json:"pipeline"`
	// Event is the event that the rule matched.
	Event Event `json:"event"`
}

// Event is what is read of an event of EventBridge. See
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
type Event struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	// Detail is a Push or a Deployment, by DetailType.
	Detail json.RawMessage `json:"detail"`
}

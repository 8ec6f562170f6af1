// Package eventbus puts events on a bus of EventBridge, and says what became of
// them. The receiver, the deployer and the operator's commands are its callers.
package eventbus

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// API is the part of EventBridge that is called.
type API interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Event is one event. Detail is JSON.
type Event struct {
	Source, DetailType string
	Detail             []byte
}

// Put puts one event on a bus. PutEvents answers 200 also where it took nothing:
// FailedEntryCount tells. See
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func Put(ctx context.Context, api API, bus string, e Event) error {
	out, err := api.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: aws.String(bus),
		Source:       aws.String(e.Source),
		DetailType:   aws.String(e.DetailType),
		Detail:       aws.String(string(e.Detail)),
	}}})
	if err != nil {
		return err
	}
	if out.FailedEntryCount == 0 {
		return nil
	}
	for _, entry := range out.Entries {
		if entry.ErrorCode != nil {
			return fmt.Errorf("bus %s refused the event: %s: %s", bus, *entry.ErrorCode, aws.ToString(entry.ErrorMessage))
		}
	}
	return fmt.Errorf("bus %s refused %d events without saying why", bus, out.FailedEntryCount)
}

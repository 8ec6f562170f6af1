package receiver

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"delivery.internal/lib/contract"
)

// EventsAPI is the part of EventBridge that EventBus uses.
type EventsAPI interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// EventBus is Bus over an EventBridge event bus.
type EventBus struct {
	API  EventsAPI
	Name string
}

// Publish implements Bus. PutEvents answers 200 also where it took nothing:
// FailedEntryCount tells.
func (b EventBus) Publish(ctx context.Context, detail []byte) error {
	out, err := b.API.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: aws.String(b.Name),
		Source:       aws.String(contract.PushSource),
		DetailType:   aws.String(contract.PushDetailType),
		Detail:       aws.String(string(detail)),
	}}})
	if err != nil {
		return err
	}
	if out.FailedEntryCount == 0 {
		return nil
	}
	for _, e := range out.Entries {
		if e.ErrorCode != nil {
			return fmt.Errorf("bus %s refused the event: %s: %s", b.Name, *e.ErrorCode, aws.ToString(e.ErrorMessage))
		}
	}
	return fmt.Errorf("bus %s refused %d events without saying why", b.Name, out.FailedEntryCount)
}

package receiver

import (
	"context"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventbus"
)

// EventBus is Bus over an EventBridge event bus.
type EventBus struct {
	API  eventbus.API
	Name string
}

// Publish implements Bus.
func (b EventBus) Publish(ctx context.Context, detail []byte) error {
	return eventbus.Put(ctx, b.API, b.Name, eventbus.Event{Source: contract.PushSource, DetailType: contract.PushDetailType, Detail: detail})
}

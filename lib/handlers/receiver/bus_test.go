package receiver_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/handlers/receiver"
)

type busAPI struct{ out *eventbridge.PutEventsOutput }

func (e busAPI) PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	return e.out, nil
}

func TestAnEntryThatTheBusRefusedIsAnError(t *testing.T) {
	t.Parallel()
	refused := &eventbridge.PutEventsOutput{FailedEntryCount: 1, Entries: []ebtypes.PutEventsResultEntry{
		{ErrorCode: aws.String("InternalFailure"), ErrorMessage: aws.String("try again")},
	}}
	err := receiver.EventBus{API: busAPI{refused}, Name: "bus"}.Publish(context.Background(), nil)
	require.ErrorContains(t, err, "InternalFailure: try again")
	err = receiver.EventBus{API: busAPI{&eventbridge.PutEventsOutput{FailedEntryCount: 1}}, Name: "bus"}.Publish(context.Background(), nil)
	require.Error(t, err)
	require.NoError(t, receiver.EventBus{API: busAPI{&eventbridge.PutEventsOutput{}}, Name: "bus"}.Publish(context.Background(), nil))
}

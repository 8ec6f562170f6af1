package awsapi

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

// listening takes every event.
type listening struct{ Backend }

func (listening) PutEvent(Event) (string, error) { return "id", nil }

func TestARequestToPutEventsIsJudgedAsAWhole(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:events:us-east-1:" + account + ":event-bus/custom"
	allow := func(condition string) string {
		return policy(`{"Effect":"Allow","Action":"events:PutEvents","Resource":"` + arn + `","Condition":` + condition + `}`)
	}
	plain, all := `{"StringEquals":{"events:source":["a","b"]}}`, `{"ForAllValues:StringEquals":{"events:source":["a","b"]},"Null":{"events:source":"false"}}`
	closed := policy(`{"Effect":"Deny","Principal":"*","Action":"events:PutEvents","Resource":"` + arn + `","Condition":{"ForAnyValue:StringEquals":{"events:source":"b"}}}`)
	for name, c := range map[string]struct {
		policy, bus string
		sources     []string
		denied      bool
	}{
		"one, plain operator":                {plain, "", []string{"a"}, false},
		"two listed ones, plain operator":    {plain, "", []string{"a", "b"}, true},
		"two listed ones, set operator":      {all, "", []string{"a", "b"}, false},
		"a listed and another, set operator": {all, "", []string{"a", "c"}, true},
		"the bus denies one of two":          {all, closed, []string{"a", "b"}, true},
		"the bus denies another":             {all, closed, []string{"a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchWith(t, listening{})
			b.add(typetoken.EventBus, "custom", arn, "custom", map[string]any{"name": "custom"})
			if c.bus != "" {
				b.add(typetoken.EventBusPolicy, "custom", "", "", map[string]any{"eventBusName": "custom", "policy": c.bus})
			}
			in := &eventbridge.PutEventsInput{}
			for _, source := range c.sources {
				in.Entries = append(in.Entries, types.PutEventsRequestEntry{EventBusName: aws.String("custom"), Source: aws.String(source), DetailType: aws.String("t"), Detail: aws.String("{}")})
			}
			out, err := eventbridge.NewFromConfig(b.config(b.role("r", allow(c.policy)))).PutEvents(t.Context(), in)
			if c.denied {
				require.Equal(t, "AccessDeniedException", code(t, err))
				return
			}
			require.NoError(t, err)
			require.Zero(t, out.FailedEntryCount)
		})
	}
}

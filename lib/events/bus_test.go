package events_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery/lib/events"
	"delivery/lib/plantest"
)

func program(args *events.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := events.NewBus(ctx, "bus", args)
		return err
	}
}

func TestTheBusKeepsTheRules(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, program(&events.Args{Name: "delivery-bus-shared-a1b2", Tags: pulumi.StringMap{"Owner": pulumi.String("me")}}), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	require.Len(t, plantest.OfType(rs, "aws:cloudwatch/eventBus:EventBus"), 1)
}

func TestABusWithoutANameIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range []*events.Args{nil, {}} {
		_, err := plantest.Try("shared", plantest.Suffix, nil, program(args), nil)
		require.ErrorContains(t, err, "has no name")
	}
}

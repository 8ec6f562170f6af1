package eventing_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/eventing"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

const (
	busARN     = "arn:aws:events:us-east-1:111122223333:event-bus/delivery-bus-shared-a1b2"
	receiver   = "arn:aws:iam::111122223333:role/receiver"
	deployer   = "arn:aws:iam::111122223333:role/deployer"
	stranger   = "arn:aws:iam::111122223333:role/Administrator"
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func busArgs() *eventing.BusArgs {
	s := plantest.Settings()
	return &eventing.BusArgs{
		Names: s.Namer(naming.Shared), Scope: s.Delivery(), Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
		Publishers: []eventing.Publisher{{RoleARN: receiver, Source: "push.source", DetailType: "push"}, {RoleARN: deployer, Source: "deploy.source", DetailType: "deployment"}},
	}
}

func busProgram(args *eventing.BusArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := eventing.NewBus(ctx, "bus", args)
		return err
	}
}

func TestTheBusKeepsTheRules(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, busProgram(busArgs()), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	require.Len(t, plantest.OfType(rs, "aws:cloudwatch/eventBus:EventBus"), 1)
}

func TestABusThatAnybodyCouldUseIsRefused(t *testing.T) {
	t.Parallel()
	nobody, incomplete := busArgs(), busArgs()
	nobody.Publishers, incomplete.Publishers = nil, []eventing.Publisher{{RoleARN: receiver}}
	for want, a := range map[string]*eventing.BusArgs{
		"has no arguments": nil, "has no ARN": {Publishers: busArgs().Publishers}, "closed to everybody": nobody, "publisher 0 of bus bus needs": incomplete,
	} {
		_, err := plantest.Try("shared", plantest.Suffix, nil, busProgram(a), nil)
		require.ErrorContains(t, err, want)
	}
}

// The bus's policy against roles that may do everything, and each publisher's
// own policy without that of the bus.
func TestEachPublisherPutsItsOwnEventsOnly(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, busProgram(busArgs()), nil)
	busPolicy := plantest.One(t, rs, "aws:cloudwatch/eventBusPolicy:EventBusPolicy", "").Text("policy")
	own := map[string]string{stranger: ""}
	for _, p := range busArgs().Publishers {
		text, err := iampolicy.New(p.Allow(busARN)).JSON()
		require.NoError(t, err)
		own[p.RoleARN] = text
	}
	for name, c := range map[string]struct {
		role            string
		sources, types  []string
		inBus, inItsOwn bool
	}{
		"the receiver's push":            {receiver, []string{"push.source"}, []string{"push"}, true, true},
		"the deployer's deployment":      {deployer, []string{"deploy.source"}, []string{"deployment"}, true, true},
		"the deployer as receiver":       {deployer, []string{"push.source"}, []string{"deployment"}, false, false},
		"the deployer's push":            {deployer, []string{"deploy.source"}, []string{"push"}, false, false},
		"own and foreign in one request": {deployer, []string{"deploy.source", "push.source"}, []string{"deployment"}, false, false},
		"two detail types":               {receiver, []string{"push.source"}, []string{"push", "other"}, false, false},
		"no source":                      {receiver, nil, []string{"push"}, false, false},
		"no detail type":                 {receiver, []string{"push.source"}, nil, false, false},
		"a stranger's push":              {stranger, []string{"push.source"}, []string{"push"}, false, false},
		"a stranger's own event":         {stranger, []string{"other"}, []string{"other"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := iam.Request{
				Principal: iam.Principal{Kind: iam.Role, ARN: c.role, Account: "111122223333"}, Action: "events:PutEvents", Resource: busARN,
				Context: map[string][]string{"events:source": c.sources, "events:detail-type": c.types},
			}
			decision := iam.Evaluate(r, iam.Policies{Identity: []iam.Named{{Name: "all", Document: everything}}, Resource: &iam.Named{Name: "bus", Document: busPolicy}})
			require.Equal(t, c.inBus, decision.Allowed, decision.Reason)
			if own[c.role] != "" {
				decision = iam.Evaluate(r, iam.Policies{Identity: []iam.Named{{Name: "own", Document: own[c.role]}}})
				require.Equal(t, c.inItsOwn, decision.Allowed, decision.Reason)
			}
		})
	}
}

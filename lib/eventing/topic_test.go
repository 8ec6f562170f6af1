package eventing_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/eventing"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

func topicArgs() *eventing.TopicArgs {
	s := plantest.Settings()
	return &eventing.TopicArgs{
		Names: s.Namer(naming.Shared), Scope: s.Delivery(), Kind: naming.PipelineTopic, DisplayName: "Pipelines", KeyARN: plantest.Key(naming.Shared),
		Publishers: eventing.TopicPublishers{
			Rules:  []string{"arn:aws:events:us-east-1:111122223333:rule/state-rule-dev-a1b2"},
			Alarms: []string{"arn:aws:cloudwatch:us-east-1:111122223333:alarm:start-dead-letter-alarm-dev-a1b2"},
		},
		Emails: []string{"one@example.com", "two@example.com"},
		Tags:   pulumi.StringMap{"Owner": pulumi.String("me")},
	}
}

func topicProgram(args *eventing.TopicArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := eventing.NewTopic(ctx, "topic", args)
		return err
	}
}

func TestATopicNamesItsPublishersAndTellsItsOwners(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, topicProgram(topicArgs()), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	policies := plantest.Policies(t, rs)
	require.Len(t, policies, 1)
	named := map[string]string{}
	for _, s := range policies[0].Document.Statement[1:] {
		require.Equal(t, "Allow", s.Effect)
		for _, key := range []string{"ArnEquals", "StringEquals"} {
			for _, arn := range s.Condition[key]["aws:SourceArn"] {
				named[s.Sid] = arn
			}
		}
	}
	p := topicArgs().Publishers
	require.Equal(t, map[string]string{"Rules": p.Rules[0], "Alarms": p.Alarms[0]}, named)
	var emails []string
	for _, s := range plantest.OfType(rs, "aws:sns/topicSubscription:TopicSubscription") {
		emails = append(emails, s.Text("endpoint"))
	}
	require.ElementsMatch(t, topicArgs().Emails, emails)
}

func TestATopicWithoutAKeyOrANameIsRefused(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*eventing.TopicArgs){
		"has no KMS key": func(a *eventing.TopicArgs) { a.KeyARN = "" },
		"lacks a name":   func(a *eventing.TopicArgs) { a.Kind = naming.Kind{} },
	} {
		a := topicArgs()
		spoil(a)
		_, err := plantest.Try("shared", plantest.Suffix, nil, topicProgram(a), nil)
		require.ErrorContains(t, err, want)
	}
	_, err := plantest.Try("shared", plantest.Suffix, nil, topicProgram(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}

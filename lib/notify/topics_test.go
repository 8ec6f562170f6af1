package notify_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/notify"
	"delivery.internal/lib/plantest"
)

const topicARN = "arn:aws:sns:us-east-1:111122223333:pipeline-topic-shared-a1b2"

func args() *notify.Args {
	return &notify.Args{
		Name: "pipeline-topic-shared-a1b2", ARN: topicARN, DisplayName: "Pipelines", KeyARN: plantest.Key(naming.Shared),
		Publishers: []iampolicy.Statement{notify.FromRules(topicARN, "arn:aws:events:us-east-1:111122223333:rule/state-rule-dev-a1b2")},
		Emails:     []string{"one@example.com", "two@example.com"},
		Tags:       pulumi.StringMap{"Owner": pulumi.String("me")},
	}
}

func program(args *notify.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := notify.New(ctx, "topic", args)
		return err
	}
}

func TestATopicNamesItsPublishersAndTellsItsOwners(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, program(args()), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	policies := plantest.Policies(t, rs)
	require.Len(t, policies, 1)
	allow := policies[0].Document.Statement[1]
	require.Equal(t, "arn:aws:events:us-east-1:111122223333:rule/state-rule-dev-a1b2", allow.Condition["ArnEquals"]["aws:SourceArn"][0])
	var emails []string
	for _, s := range plantest.OfType(rs, "aws:sns/topicSubscription:TopicSubscription") {
		emails = append(emails, s.Text("endpoint"))
	}
	require.ElementsMatch(t, args().Emails, emails)
}

func TestATopicWithoutAPublisherIsRefused(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*notify.Args){
		"has no publisher": func(a *notify.Args) { a.Publishers = nil },
		"has no KMS key":   func(a *notify.Args) { a.KeyARN = "" },
		"lacks a name":     func(a *notify.Args) { a.ARN = "" },
	} {
		a := args()
		spoil(a)
		_, err := plantest.Try("shared", plantest.Suffix, nil, program(a), nil)
		require.ErrorContains(t, err, want)
	}
	_, err := plantest.Try("shared", plantest.Suffix, nil, program(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}

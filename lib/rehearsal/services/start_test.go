package services

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestTheSameRequestTokenStartsOneExecution(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	with := awsapi.Start{
		Revisions: []awsapi.SourceRevision{{Action: "Source", Type: "COMMIT_ID", Value: commitOf(1)}},
		Variables: []awsapi.Variable{{Name: "COMMIT", Value: commitOf(1)}}, Token: "one",
	}
	begin := func(with awsapi.Start) (string, error) { return p.StartExecution(p.c.Operator(account), "pipe", with) }
	first, err := begin(with)
	require.NoError(t, err)
	again, err := begin(with)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Len(t, p.Executions("pipe"), 2, "the one that creation started, and this one")

	other := with
	other.Variables = []awsapi.Variable{{Name: "COMMIT", Value: commitOf(2)}}
	_, err = begin(other)
	require.ErrorContains(t, err, "was used for another request")
	other.Token = "two"
	second, err := begin(other)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	other.Token = ""
	third, err := begin(other)
	require.NoError(t, err)
	require.NotEqual(t, second, third, "without a token every request starts one")
	for _, bad := range []string{"a_b", "a b", strings.Repeat("a", 129)} {
		other.Token = bad
		_, err = begin(other)
		require.ErrorContains(t, err, "clientRequestToken")
	}
}

func TestAnEventCanBeDeliveredTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.queue("inbox", statement(service(eventsService), "sqs:SendMessage", "*", bySource(ruleOf("mine"))))
	w.rule("mine", `{"source":["test"]}`, props{"arn": q})
	again := w.c.Inject(cloud.Fault{Service: "events", Operation: "DeliverAgain", Resource: "inbox", Times: 1})
	w.emit(`{"n":1}`)
	w.idle()
	require.Equal(t, 1, again.Struck)
	require.Len(t, w.Messages(q), 2)
	require.Equal(t, w.Messages(q)[0].Body, w.Messages(q)[1].Body)
}

package services

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

func bySource(arn string) props { return props{"ArnEquals": props{"aws:SourceArn": arn}} }

func TestARuleDeliversToAQueueThatLetsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.queue("inbox", statement(service(eventsService), "sqs:SendMessage", "arn:aws:sqs:us-east-1:"+account+":inbox", bySource(ruleOf("mine"))))
	w.rule("mine", `{"source":["test"],"detail":{"go":[true]}}`, props{"arn": q, "inputPath": "$.detail"})
	w.emit(`{"go":true,"n":1}`)
	w.emit(`{"go":false}`)
	w.idle()
	require.Len(t, w.Messages(q), 1)
	require.JSONEq(t, `{"go":true,"n":1}`, w.Messages(q)[0].Body)
}

func TestADeliveryThatIsDeniedGoesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := w.queue("closed", statement(service(eventsService), "sqs:SendMessage", "*", bySource(ruleOf("other"))))
	dead := w.queue("dead", statement(service(eventsService), "sqs:SendMessage", "*", bySource(ruleOf("mine"))))
	w.rule("mine", `{"source":["test"]}`, props{"arn": closed, "deadLetterConfig": props{"arn": dead}})
	w.emit(`{"n":1}`)
	w.idle()
	require.Empty(t, w.Messages(closed))
	require.Len(t, w.Messages(dead), 1)
	m := w.Messages(dead)[0]
	require.Equal(t, "AccessDeniedException", m.Attributes["ERROR_CODE"])
	require.Equal(t, ruleOf("mine"), m.Attributes["RULE_ARN"])
	require.Contains(t, m.Body, `"detail":{"n":1}`)
}

func TestWithoutADeadLetterQueueTheEventIsLostButTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := w.queue("closed")
	w.rule("mine", `{"source":["test"]}`, props{"arn": closed, "deadLetterConfig": props{"arn": w.queue("dead")}})
	w.emit(`{}`)
	w.idle()
	require.Len(t, w.said("rule", "mine", "the event is lost, the dead-letter queue refuses it"), 1)
	_, denied := w.c.Counts()
	require.Len(t, denied, 2)
}

func TestAFaultIsMetWithTheRetryPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allow := func(name string) string {
		return w.queue(name, statement(service(eventsService), "sqs:SendMessage", "*", bySource(ruleOf("mine"))))
	}
	q, dead := allow("inbox"), allow("dead")
	w.rule("mine", `{"source":["test"]}`, props{"arn": q, "deadLetterConfig": props{"arn": dead}, "retryPolicy": props{"maximumRetryAttempts": 2}})
	w.c.Inject(cloud.Fault{Service: "events", Operation: "Deliver", Resource: "inbox", Code: "ThrottlingException", Times: 2})
	w.emit(`{"n":1}`)
	w.idle()
	require.Len(t, w.Messages(q), 1)
	w.c.Inject(cloud.Fault{Service: "events", Operation: "Deliver", Resource: "inbox", Code: "ThrottlingException", Times: 3})
	w.emit(`{"n":2}`)
	w.idle()
	require.Len(t, w.Messages(q), 1)
	require.Equal(t, "2", w.Messages(dead)[0].Attributes["RETRY_ATTEMPTS"])
}

func TestARuleThatCantBeReadIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("mine", `{"source":[{"regex":"x"}]}`, props{"arn": w.queue("inbox")})
	w.emit(`{}`)
	w.idle()
	require.Len(t, w.said("rule", "mine", "unrecognized match type regex"), 1)
}

func TestADisabledRuleAndAnotherBusDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(typetoken.EventBus, "custom", "arn:aws:events:us-east-1:"+account+":event-bus/custom", props{"name": "custom"})
	w.rule("mine", `{"source":["test"]}`, props{"arn": w.queue("inbox")})
	_, err := w.PutEvent(awsapi.Event{Account: account, Bus: "arn:aws:events:us-east-1:" + account + ":event-bus/custom", Source: "test", DetailType: "x", Detail: "{}"})
	require.NoError(t, err)
	w.c.Update(account, typetoken.EventRule, "mine", func(r *cloud.Resource) {
		r.Inputs = props{"name": "mine", "eventPattern": `{"source":["test"]}`, "state": "DISABLED"}
	})
	w.emit(`{}`)
	w.idle()
	require.Empty(t, w.said("rule"))
	_, err = w.PutEvent(awsapi.Event{Account: account, Bus: "missing", Source: "test", DetailType: "x", Detail: "{}"})
	require.ErrorContains(t, err, "Event bus missing does not exist")
	_, err = w.PutEvent(awsapi.Event{Account: account, Source: "test", DetailType: "x", Detail: "[]"})
	require.ErrorContains(t, err, "MalformedDetail")
}

func TestAnEncryptedTopicNeedsItsPolicyAndItsKey(t *testing.T) {
	t.Parallel()
	publish := func() props { return statement(service(eventsService), "sns:Publish", "*", bySource(ruleOf("mine"))) }
	target := props{"inputTransformer": props{"inputPaths": props{"n": "$.detail.n"}, "inputTemplate": `"number <n>"`}}
	for name, tc := range map[string]struct {
		topic, key []props
		refused    string
	}{
		"both":      {[]props{publish()}, []props{statement(service(eventsService), []string{"kms:GenerateDataKey", "kms:Decrypt"}, "*", nil)}, ""},
		"no policy": {nil, nil, "sns:Publish"},
		"no key":    {[]props{publish()}, nil, "kms:GenerateDataKey"},
		"a key that asks for the source": {[]props{publish()}, []props{statement(service(eventsService), []string{"kms:GenerateDataKey", "kms:Decrypt"}, "*",
			bySource(ruleOf("mine")))}, "kms:GenerateDataKey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.key(tc.key...)
			topic := w.topic("news", tc.topic...)
			w.add(typetoken.TopicSubscription, "s", "", props{"topic": topic, "protocol": "email", "endpoint": "a@example.com", "pendingConfirmation": true})
			w.rule("mine", `{"source":["test"]}`, props{"arn": topic, "inputTransformer": target["inputTransformer"]})
			w.emit(`{"n":7}`)
			w.idle()
			if tc.refused != "" {
				require.Empty(t, w.Notifications())
				require.Len(t, w.said("denied", tc.refused), 1)
				return
			}
			require.Len(t, w.Notifications(), 1)
			n := w.Notifications()[0]
			require.Equal(t, `"number 7"`, n.Body)
			require.Equal(t, "number 7", n.Text())
			require.True(t, n.Pending)
			require.Equal(t, []string{"number 7"}, w.said("notification", "news"))
		})
	}
}

func TestATargetThatIsNotPlayedSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("aws:sfn/stateMachine:StateMachine", "m", "arn:aws:states:us-east-1:"+account+":stateMachine:m", nil)
	w.rule("mine", `{"source":["test"]}`, props{"arn": "arn:aws:states:us-east-1:" + account + ":stateMachine:m"})
	w.emit(`{}`)
	w.idle()
	require.Len(t, w.said("rule", "targets of the service states are not played"), 1)
}

func TestSubscribedQueuesGetNotifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.key()
	topic := w.topic("news")
	q := w.queue("inbox", statement(service("sns.amazonaws.com"), "sqs:SendMessage", "*", bySource(topic)))
	w.add(typetoken.TopicSubscription, "s", "", props{"topic": topic, "protocol": "sqs", "endpoint": q})
	require.NoError(t, w.publishFor(publisher{session: w.c.Operator(account)}, topic, "subject", "body"))
	require.Equal(t, "body", w.Messages(q)[0].Body)
	w.c.Remove(account, typetoken.Queue, "https://sqs/inbox")
	require.Empty(t, w.Messages(q))
	require.True(t, strings.HasSuffix(topic, ":news"))
}

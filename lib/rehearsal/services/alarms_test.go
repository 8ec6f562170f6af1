package services

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

// alarm deploys an alarm on a queue that speaks to a topic.
func (w *world) alarm(queue, topic string, change props) string {
	arn := "arn:aws:cloudwatch:us-east-1:" + account + ":alarm:watch"
	inputs := props{
		"name": "watch", "namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible", "dimensions": props{"QueueName": queue}, "statistic": "Maximum",
		"comparisonOperator": "GreaterThanThreshold", "threshold": 0, "period": 60, "evaluationPeriods": 1, "treatMissingData": "notBreaching",
		"alarmActions": []string{topic}, "okActions": []string{topic},
	}
	maps.Copy(inputs, change)
	w.add(typetoken.MetricAlarm, "watch", arn, inputs)
	return arn
}

func TestAnAlarmNeedsTheTopicsPolicyAndItsKey(t *testing.T) {
	t.Parallel()
	const alarmARN = "arn:aws:cloudwatch:us-east-1:" + account + ":alarm:watch"
	ofAlarm := func(arn string) props {
		return props{"ArnEquals": props{"aws:SourceArn": arn}, "StringEquals": props{"aws:SourceAccount": account}}
	}
	publish := func(by, arn string) []props {
		return []props{statement(service(by), "sns:Publish", "*", ofAlarm(arn))}
	}
	use := func(by, arn string, actions ...string) []props {
		return []props{statement(service(by), actions, "*", ofAlarm(arn))}
	}
	for name, tc := range map[string]struct {
		topic, key []props
		refused    string
	}{
		"both":                     {publish(alarmsService, alarmARN), use(alarmsService, alarmARN, "kms:GenerateDataKey", "kms:Decrypt"), ""},
		"no topic policy":          {nil, use(alarmsService, alarmARN, "kms:GenerateDataKey", "kms:Decrypt"), "sns:Publish"},
		"a topic policy of events": {publish(eventsService, alarmARN), use(alarmsService, alarmARN, "kms:GenerateDataKey", "kms:Decrypt"), "sns:Publish"},
		"another alarm's":          {publish(alarmsService, alarmARN+"x"), use(alarmsService, alarmARN, "kms:GenerateDataKey", "kms:Decrypt"), "sns:Publish"},
		"no key":                   {publish(alarmsService, alarmARN), nil, "kms:GenerateDataKey"},
		"a key of events":          {publish(alarmsService, alarmARN), use(eventsService, alarmARN, "kms:GenerateDataKey", "kms:Decrypt"), "kms:GenerateDataKey"},
		"a key without Decrypt":    {publish(alarmsService, alarmARN), use(alarmsService, alarmARN, "kms:GenerateDataKey"), "kms:Decrypt"},
		"a key of another alarm":   {publish(alarmsService, alarmARN), use(alarmsService, alarmARN+"x", "kms:GenerateDataKey", "kms:Decrypt"), "kms:GenerateDataKey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.key(tc.key...)
			topic := w.topic("news", tc.topic...)
			q := w.queue("dead")
			require.Equal(t, alarmWithout, w.AlarmState(alarmARN), "as a new one is")
			w.alarm("dead", topic, props{"okActions": nil})
			require.Equal(t, alarmOK, w.AlarmState(alarmARN), "nothing was ever sent, which is not breaching")
			require.NoError(t, w.send(q, Message{Body: "x"}, publisher{session: w.c.Operator(account)}))
			w.idle()
			require.Equal(t, alarmRaised, w.AlarmState(alarmARN))
			if tc.refused != "" {
				require.Empty(t, w.Notifications())
				require.Len(t, w.said("denied", tc.refused), 1)
				require.Len(t, w.said("alarm", "watch", "failed to execute action"), 1)
				return
			}
			require.Len(t, w.Notifications(), 1)
			n := w.Notifications()[0]
			require.Contains(t, n.Subject, `ALARM: "watch"`)
			var body map[string]any
			require.NoError(t, json.Unmarshal([]byte(n.Body), &body))
			require.Equal(t, "OK", body["OldStateValue"])
			require.Equal(t, "ALARM", body["NewStateValue"])
		})
	}
}

func TestAnAlarmActsAtAChangeOfStateOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.key(statement(service(alarmsService), []string{"kms:GenerateDataKey", "kms:Decrypt"}, "*", nil))
	topic := w.topic("news", statement(service(alarmsService), "sns:Publish", "*", nil))
	q := w.queue("dead")
	alarm := w.alarm("dead", topic, nil)
	operator := w.c.Operator(account)
	for range 2 {
		require.NoError(t, w.send(q, Message{Body: "x"}, publisher{session: operator}))
	}
	w.idle()
	require.Len(t, w.Notifications(), 2, "OK at first, ALARM once for both messages")
	require.NoError(t, w.Purge(operator, q))
	w.idle()
	require.Equal(t, alarmOK, w.AlarmState(alarm))
	require.Len(t, w.Notifications(), 3)
	require.Contains(t, w.Notifications()[2].Subject, "OK: ")
	require.Empty(t, w.Messages(q))
	w.c.Remove(account, typetoken.MetricAlarm, "watch")
	require.Equal(t, alarmWithout, w.AlarmState(alarm))
}

func TestMissingDataIsTreatedAsTheAlarmSays(t *testing.T) {
	t.Parallel()
	for missing, want := range map[string]string{"missing": alarmWithout, "": alarmWithout, "ignore": alarmWithout, "breaching": alarmRaised, "notBreaching": alarmOK} {
		w := newWorld(t)
		w.queue("dead")
		require.Equal(t, want, w.AlarmState(w.alarm("dead", "arn:aws:sns:us-east-1:"+account+":none", props{"treatMissingData": missing, "actionsEnabled": false})), missing)
	}
}

func TestAnAlarmThatIsNotPlayedSaysSo(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]props{
		"another metric":   {"metricName": "NumberOfMessagesSent"},
		"another service":  {"namespace": "AWS/SNS"},
		"another operator": {"comparisonOperator": "GreaterThanUpperThreshold"},
		"a count":          {"statistic": "SampleCount"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			q := w.queue("dead")
			w.alarm("dead", "arn:aws:sns:us-east-1:"+account+":none", change)
			require.NoError(t, w.send(q, Message{Body: "x"}, publisher{session: w.c.Operator(account)}))
			require.NotEmpty(t, w.said("alarm", "watch", "can't be played"))
		})
	}
}

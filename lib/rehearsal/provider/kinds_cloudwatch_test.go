package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

func goodAlarm() map[string]any {
	return map[string]any{
		"name": "watch", "namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible", "dimensions": map[string]any{"QueueName": "dead"},
		"statistic": "Maximum", "comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "period": 60.0, "evaluationPeriods": 1.0,
		"treatMissingData": "notBreaching", "alarmActions": []any{"arn:aws:sns:us-east-1:111122223333:alerts"},
	}
}

func TestAlarmsAreRefusedAsCloudWatchRefusesThem(t *testing.T) {
	t.Parallel()
	six := []any{}
	for range 6 {
		six = append(six, "arn:aws:sns:us-east-1:111122223333:alerts")
	}
	refuses(t, typetoken.MetricAlarm, goodAlarm(), []refusal{
		{"no name", map[string]any{"name": nil}, "name is required"},
		{"no operator", map[string]any{"comparisonOperator": nil}, "comparisonOperator is required"},
		{"operator", map[string]any{"comparisonOperator": "More"}, "expected one of"},
		{"period", map[string]any{"period": 45.0}, "multiple of 60"},
		{"no period", map[string]any{"period": nil}, "needs namespace, period and statistic"},
		{"too long", map[string]any{"period": 300.0, "evaluationPeriods": 289.0}, "at most 86400"},
		{"no periods", map[string]any{"evaluationPeriods": 0.0}, "at least 1"},
		{"datapoints", map[string]any{"datapointsToAlarm": 2.0}, "1 to evaluationPeriods"},
		{"no threshold", map[string]any{"threshold": nil}, "threshold is not set"},
		{"two statistics", map[string]any{"extendedStatistic": "p99"}, "exclude each other"},
		{"statistic", map[string]any{"statistic": "Most"}, "expected one of"},
		{"missing data", map[string]any{"treatMissingData": "fine"}, "expected one of"},
		{"six actions", map[string]any{"alarmActions": six}, "5"},
		{"an action that is not an ARN", map[string]any{"alarmActions": []any{"alerts"}}, "expected text that matches"},
		{"unknown input", map[string]any{"queue": "dead"}, "not an input"},
	})
}

func TestAnAlarmNeedsItsQueueAndItsTopic(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := l.try(typetoken.MetricAlarm, goodAlarm())
	require.ErrorContains(t, err, `"dead", which does not exist`)
	l.queue("dead")
	_, err = l.try(typetoken.MetricAlarm, goodAlarm())
	require.ErrorContains(t, err, "has the topic")
	l.topic("alerts")
	a := l.make(typetoken.MetricAlarm, goodAlarm())
	require.Equal(t, "arn:aws:cloudwatch:us-east-1:111122223333:alarm:watch", a.ARN)
	require.NoError(t, l.remove(a))
}

func TestABusPolicySpeaksOfItsBus(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const arn = "arn:aws:events:us-east-1:111122223333:event-bus/orders"
	policy := func(resource string) map[string]any {
		return map[string]any{"eventBusName": "orders", "policy": labPolicy(labAllow(map[string]any{"AWS": "arn:aws:iam::111122223333:root"}, resource, "events:PutEvents"))}
	}
	_, err := l.try(typetoken.EventBusPolicy, policy(arn))
	require.ErrorContains(t, err, "Event bus orders does not exist")
	l.make(typetoken.EventBus, map[string]any{"name": "orders"})
	_, err = l.try(typetoken.EventBusPolicy, policy(arn+"x"))
	require.ErrorContains(t, err, "which is not")
	l.make(typetoken.EventBusPolicy, policy(arn))
	_, err = l.try(typetoken.EventBusPolicy, policy(arn))
	require.ErrorContains(t, err, "replace without a word")
}

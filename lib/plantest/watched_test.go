package plantest

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAQueueMustBeWatched(t *testing.T) {
	t.Parallel()
	queue := Resource{Type: "aws:sqs/queue:Queue", Custom: true, Inputs: map[string]any{"name": "dead-a1b2"}}
	good := map[string]any{
		"name": "starter-dead-letter-alarm-shared-a1b2", "namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible", "statistic": "Maximum",
		"dimensions": map[string]any{"QueueName": "dead-a1b2"}, "comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "period": 60.0,
		"evaluationPeriods": 1.0, "treatMissingData": "notBreaching", "alarmActions": []any{"arn:aws:sns:us-east-1:111122223333:t"},
	}
	alarm := func(change map[string]any) []Resource {
		inputs := maps.Clone(good)
		maps.Copy(inputs, change)
		return []Resource{queue, {Type: "aws:cloudwatch/metricAlarm:MetricAlarm", Custom: true, Inputs: inputs}}
	}
	CheckWatched(t, alarm(nil))
	for name, c := range map[string]struct {
		rs   []Resource
		want string
	}{
		"no alarm":                         {[]Resource{queue}, "no alarm speaks"},
		"the alarm of another queue":       {alarm(map[string]any{"dimensions": map[string]any{"QueueName": "other"}}), "no alarm speaks"},
		"an alarm that tells nobody":       {alarm(map[string]any{"alarmActions": []any{}}), "no alarm speaks"},
		"an alarm at the second message":   {alarm(map[string]any{"threshold": 1.0}), "no alarm speaks"},
		"an alarm that looks once an hour": {alarm(map[string]any{"period": 3600.0}), "no alarm speaks"},
		"an alarm on missing data":         {alarm(map[string]any{"treatMissingData": "missing"}), "no alarm speaks"},
		"an alarm that may not publish":    {alarm(map[string]any{"name": "other-a1b2"}), "is not one of settings.DeadLetterAlarms"},
	} {
		require.Contains(t, failure(func(tb testing.TB) { CheckWatched(tb, c.rs) }), c.want, name)
	}
}

package plantest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

// CheckWatched fails for a queue without an alarm that speaks as soon as it
// holds a message: all queues of the platform are dead-letter queues. And it
// fails for an alarm that the topic and its key would not let speak.
func CheckWatched(t testing.TB, rs []Resource) {
	t.Helper()
	const alarmType = typetoken.MetricAlarm
	known := Settings().DeadLetterAlarms()
	var found []string
	for _, a := range OfType(rs, alarmType) {
		if arn := scope.Alarm(a.Text("name")); !slices.Contains(known, arn) {
			found = append(found, fmt.Sprintf("%s: %s is not one of settings.DeadLetterAlarms, which may publish", a, arn))
		}
	}
	for _, q := range OfType(rs, typetoken.Queue) {
		if !slices.ContainsFunc(OfType(rs, alarmType), func(a Resource) bool { return watches(a, q.Text("name")) }) {
			found = append(found, fmt.Sprintf("%s: no alarm speaks when it holds a message", q))
		}
	}
	report(t, "every dead-letter queue is watched", found)
	require.NotEmpty(t, known)
}

// watches says whether an alarm is raised by one message in a queue, and by
// nothing else, and tells somebody.
func watches(a Resource, queue string) bool {
	actions, _ := a.Inputs["alarmActions"].([]any)
	period, _ := a.Inputs["period"].(float64)
	for key, want := range map[string]any{
		"namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible", "statistic": "Maximum",
		"comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "evaluationPeriods": 1.0, "treatMissingData": "notBreaching",
	} {
		if a.Inputs[key] != want {
			return false
		}
	}
	return dig(a.Inputs, "dimensions", "QueueName") == queue && len(actions) > 0 && period >= 60 && period <= 300
}

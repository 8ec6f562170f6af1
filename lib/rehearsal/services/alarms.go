package services

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	alarmsService   = "cloudwatch.amazonaws.com"
	alarmOK         = "OK"
	alarmRaised     = "ALARM"
	alarmWithout    = "INSUFFICIENT_DATA"
	visibleMessages = "ApproximateNumberOfMessagesVisible"
)

// alarmSettings are the inputs of an alarm.
type alarmSettings struct {
	Name        string            `json:"name"`
	Description string            `json:"alarmDescription"`
	Namespace   string            `json:"namespace"`
	Metric      string            `json:"metricName"`
	Dimensions  map[string]string `json:"dimensions"`
	Statistic   string            `json:"statistic"`
	Operator    string            `json:"comparisonOperator"`
	Threshold   float64           `json:"threshold"`
	Missing     string            `json:"treatMissingData"`
	Enabled     *bool             `json:"actionsEnabled"`
	OnAlarm     []string          `json:"alarmActions"`
	OnOK        []string          `json:"okActions"`
	OnMissing   []string          `json:"insufficientDataActions"`
}

// played refuses what would otherwise be ignored in silence: the metric of
// queues is the only one that the local cloud has.
func (s alarmSettings) played() error {
	if s.Namespace != "AWS/SQS" || s.Metric != visibleMessages || len(s.Dimensions) != 1 || s.Statistic == "SampleCount" || s.Statistic == "" {
		return fail("NotPlayed", "the alarm %s is on %s %s: the local cloud plays %s of AWS/SQS by QueueName", s.Name, s.Namespace, s.Metric, visibleMessages)
	}
	return nil
}

// breaching compares a value with the threshold.
func (s alarmSettings) breaching(value float64) (bool, error) {
	switch s.Operator {
	case "GreaterThanThreshold":
		return value > s.Threshold, nil
	case "GreaterThanOrEqualToThreshold":
		return value >= s.Threshold, nil
	case "LessThanThreshold":
		return value < s.Threshold, nil
	case "LessThanOrEqualToThreshold":
		return value <= s.Threshold, nil
	}
	return false, fail("NotPlayed", "the alarm %s compares by %s, which the local cloud does not play", s.Name, s.Operator)
}

// next is the state that a value leads to; a queue that was never used reports
// none. See "Configuring how CloudWatch alarms treat missing data",
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func (s alarmSettings) next(old string, value float64, reported bool) (string, error) {
	if !reported {
		switch s.Missing {
		case "ignore":
			return old, nil
		case "breaching":
			return alarmRaised, nil
		case "notBreaching":
			return alarmOK, nil
		}
		return alarmWithout, nil
	}
	if is, err := s.breaching(value); is || err != nil {
		return alarmRaised, err
	}
	return alarmOK, nil
}

func (s alarmSettings) actions(state string) []string {
	if s.Enabled != nil && !*s.Enabled {
		return nil
	}
	return map[string][]string{alarmRaised: s.OnAlarm, alarmOK: s.OnOK, alarmWithout: s.OnMissing}[state]
}

// AlarmState returns the state of an alarm, by its ARN.
func (r *Emulator) AlarmState(alarmARN string) string {
	a := r.cloud.ByARN(alarmARN)
	if a == nil {
		return alarmWithout
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.alarm(a)
}

// alarm is the state that the cloud keeps of an alarm: at first as
// PutMetricAlarm leaves a new one.
func (r *Emulator) alarm(a *cloud.Resource) *string {
	return cloud.DataOf(r.cloud, a, func() *string {
		state := alarmWithout
		return &state
	})
}

// watch has every alarm on a queue look at it. CloudWatch would take a period
// or two; here it looks at once.
func (r *Emulator) watch(queueARN string) {
	name := lastPart(queueARN)
	for _, a := range r.cloud.Find(arns.Of(queueARN).Account, typetoken.MetricAlarm, func(a *cloud.Resource) bool { return a.Str("dimensions.QueueName") == name }) {
		r.evaluateAlarm(a)
	}
}

// evaluateAlarm moves an alarm to the state of its queue. Actions are taken at
// a change of state only.
func (r *Emulator) evaluateAlarm(a *cloud.Resource) {
	s, err := settings[alarmSettings](a)
	if err == nil {
		err = s.played()
	}
	if err != nil {
		r.note("alarm", a.Name, map[string]any{"error": err.Error()}, "can't be played: %v", err)
		return
	}
	queue := r.cloud.ByARN(cloud.ARN("sqs", a.Account, s.Dimensions["QueueName"]))
	var old, state string
	var value float64
	r.change(func() {
		data := &queueData{}
		if queue != nil {
			data = r.queue(queue)
		}
		value = float64(len(data.messages))
		kept := r.alarm(a)
		old = *kept
		if state, err = s.next(old, value, data.used); err == nil {
			*kept = state
		}
	})
	switch {
	case err != nil:
		r.note("alarm", a.Name, map[string]any{"error": err.Error()}, "can't be played: %v", err)
	case state != old:
		r.note("alarm", a.Name, map[string]any{"from": old, "state": state}, "is %s, was %s", state, old)
		for _, action := range s.actions(state) {
			r.spawn(func(context.Context) { r.alarmAction(a, s, action, old, state, value) })
		}
	}
}

// alarmAction tells a topic. CloudWatch publishes as itself and sends the
// alarm's ARN along, to KMS as well. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html and
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
func (r *Emulator) alarmAction(a *cloud.Resource, s alarmSettings, action, old, state string, value float64) {
	var err error
	if arns.Of(action).Service == "sns" {
		by := publisher{service: alarmsService, context: source(a.ARN, a.Account), keyContext: source(a.ARN, a.Account)}
		subject := fmt.Sprintf("%s: %q in US East (N. Virginia)", state, s.Name)
		err = r.publishFor(by, action, subject, r.alarmMessage(a, s, old, state, value))
	} else {
		err = fail("NotPlayed", "the action %s is not played by the local cloud", action)
	}
	if err != nil {
		r.note("alarm", a.Name, map[string]any{"action": action, "error": err.Error()}, "failed to execute action %s: %v", action, err)
	}
}

func (r *Emulator) alarmMessage(a *cloud.Resource, s alarmSettings, old, state string, value float64) string {
	now := r.cloud.Now().UTC()
	text, _ := json.Marshal(map[string]any{ // texts and numbers always marshal
		"AlarmName": s.Name, "AlarmDescription": s.Description, "AlarmArn": a.ARN, "AWSAccountId": a.Account, "Region": "US East (N. Virginia)",
		"OldStateValue": old, "NewStateValue": state, "StateChangeTime": now.Format("2006-01-02T15:04:05.000-0700"),
		"NewStateReason": fmt.Sprintf("Threshold Crossed: 1 datapoint [%.1f (%s)] was compared with the threshold (%.1f).", value, now.Format(time.DateTime), s.Threshold),
		"Trigger":        map[string]any{"MetricName": s.Metric, "Namespace": s.Namespace, "Statistic": s.Statistic, "Threshold": s.Threshold, "ComparisonOperator": s.Operator},
	})
	return string(text)
}

// Purge empties a queue, as somebody does who has dealt with its messages.
func (r *Emulator) Purge(by *cloud.Session, queueARN string) error {
	if err := r.cloud.Authorize(cloud.Call{Session: by, Action: "sqs:PurgeQueue", Resource: queueARN}); err != nil {
		return err
	}
	q := r.cloud.ByARN(queueARN)
	if q == nil {
		return fail("AWS.SimpleQueueService.NonExistentQueue", "the queue %s does not exist", queueARN)
	}
	r.change(func() {
		data := r.queue(q)
		data.messages, data.used = nil, true
	})
	r.watch(queueARN)
	return nil
}

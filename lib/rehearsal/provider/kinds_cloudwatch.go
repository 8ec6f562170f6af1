package provider

import (
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
	"errors"
	"fmt"
	"slices"
)

// cloudwatchKinds: constraints from the API reference of CloudWatch,
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
func cloudwatchKinds() []Kind {
	actions := list(text.match(anyARN).between(1, 1024))
	actions.Max = 5
	return []Kind{{
		Token: typetoken.MetricAlarm, Name: "name", ARN: arnOf("cloudwatch", "alarm:"),
		Inputs: map[string]Input{
			"name":             named(awsname.Alarm).required().replaces(),
			"alarmDescription": text.between(0, 1024),
			"comparisonOperator": text.required().enum("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
				"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"),
			"evaluationPeriods":                 number.required(),
			"datapointsToAlarm":                 number,
			"period":                            number,
			"threshold":                         number,
			"thresholdMetricId":                 text.between(1, 255),
			"namespace":                         text.match(`[^:].*`).between(1, 255),
			"metricName":                        text.between(1, 255),
			"dimensions":                        mapOf(text.between(1, 1024)),
			"statistic":                         text.enum("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
			"extendedStatistic":                 text,
			"unit":                              text,
			"metricQueries":                     list(blob),
			"treatMissingData":                  text.enum("missing", "ignore", "breaching", "notBreaching").def("missing"),
			"evaluateLowSampleCountPercentiles": text.enum("evaluate", "ignore").computed(),
			"actionsEnabled":                    flag.def(true),
			"alarmActions":                      actions,
			"okActions":                         actions,
			"insufficientDataActions":           actions,
			"tags":                              tags,
		},
		Plan:    planMetricAlarm,
		Outputs: metricAlarmOutputs,
		Actions: Actions{
			Create: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"},
			Read:   []string{"cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"},
			Update: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"}, Delete: []string{"cloudwatch:DeleteAlarms"},
		},
	}}
}

func planMetricAlarm(c *Call) error {
	f := &failed{}
	f.atMostOne(c, "metricName", "metricQueries")
	f.atMostOne(c, "statistic", "extendedStatistic", "metricQueries")
	f.atMostOne(c, "threshold", "thresholdMetricId")
	f.when(!c.isGiven("threshold") && !c.isGiven("thresholdMetricId"), "threshold is not set")
	if c.isGiven("metricName") {
		f.when(!c.isGiven("namespace") || !c.isGiven("period") || !c.isGiven("statistic") && !c.isGiven("extendedStatistic"), "metricName needs namespace, period and statistic")
	}
	f.when(!c.isGiven("metricName") && !c.isGiven("metricQueries"), "metricName or metricQueries is required")
	periods, _ := c.number("evaluationPeriods")
	f.when(periods < 1, "evaluationPeriods is %v: expected at least 1", periods)
	if n, ok := c.number("datapointsToAlarm"); ok {
		f.when(n < 1 || n > periods, "datapointsToAlarm is %v: expected 1 to evaluationPeriods", n)
	}
	if n, ok := c.number("period"); ok {
		whole := n == float64(int(n)) && n > 0
		f.when(!whole || !slices.Contains([]int{10, 20, 30}, int(n)) && int(n)%60 != 0, "period is %v: expected 10, 20, 30 or a multiple of 60", n)
		longest := 86400.0
		if n >= 3600 {
			longest = 604800
		}
		f.when(n*periods > longest, "the alarm looks at %v seconds: at most %v are allowed", n*periods, longest)
	}
	return f.err()
}

// metricAlarmOutputs is stricter than PutMetricAlarm, which takes any dimension
// and any action: an alarm on a queue that does not exist, or that speaks to a
// topic that does not, would never be heard.
func metricAlarmOutputs(c *Call) (map[string]any, error) {
	f := &failed{}
	if queue := c.Str("dimensions.QueueName"); c.Str("namespace") == "AWS/SQS" {
		exists := c.Cloud.First(c.Account, typetoken.Queue, func(r *cloud.Resource) bool { return r.Name == queue }) != nil
		f.when(!exists, "dimensions.QueueName is %q, which does not exist", queue)
	}
	for _, list := range []string{"alarmActions", "okActions", "insufficientDataActions"} {
		for _, arn := range texts(c.Inputs[list]) {
			f.when(arns.Of(arn).Service == "sns" && c.Cloud.ByARN(arn) == nil, "%s has the topic %s, which does not exist", list, arn)
		}
	}
	if err := f.err(); err != nil {
		return nil, fmt.Errorf("ValidationError: %w", err)
	}
	return nil, errors.Join(c.authorizeTags("cloudwatch:TagResource", "cloudwatch:UntagResource"))
}

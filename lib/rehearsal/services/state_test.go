package services

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// again removes a resource and makes it once more, of the same name.
func (w *world) again(arn string) {
	w.t.Helper()
	r := w.c.ByARN(arn)
	require.NotNil(w.t, r)
	require.True(w.t, w.c.Remove(r.Account, r.Type, r.ID))
	require.NoError(w.t, w.c.Add(&cloud.Resource{Type: r.Type, ID: r.ID, Name: r.Name, Account: r.Account, ARN: r.ARN, Inputs: r.Inputs}))
}

func TestAQueueThatIsMadeAgainIsEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := w.queue("q")
	require.NoError(t, w.send(queue, Message{Body: "x"}, publisher{service: eventsService}))
	require.Len(t, w.Messages(queue), 1)
	w.again(queue)
	require.Empty(t, w.Messages(queue))
}

func TestAPipelineThatIsMadeAgainHasNoHistory(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.whole("QUEUED")
	_, err := p.WaitApproval(t.Context(), func(Approval) bool { return true })
	require.NoError(t, err)
	first := p.Executions("pipe")
	require.Len(t, first, 1)
	p.again(pipelineARN)
	second := p.PipelineExecutions(pipelineARN)
	require.Len(t, second, 1, "the one that its creation starts")
	require.NotEqual(t, first[0].ID, second[0].ID)
}

func TestAProjectThatIsMadeAgainCountsFromOneAndItsBuildsStay(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	p.project("app", "version: 0.2\nphases: {build: {commands: [\"true\"]}}\n", props{"source": props{"type": "S3", "location": "artifacts/in", "buildspec": "version: 0.2"}})
	start := func() Build {
		b, err := p.StartBuild(t.Context(), account, "app")
		require.NoError(t, err)
		p.idle()
		found, ok := p.Build(b.ID)
		require.True(t, ok)
		return found
	}
	first := start()
	require.Equal(t, 1, first.Number)
	require.Equal(t, 2, start().Number)
	p.again(projectARN + "app")
	require.Equal(t, 1, start().Number)
	_, ok := p.FindBuild(first.ID)
	require.True(t, ok)
}

func TestAFunctionThatIsMadeAgainStartsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "count", nil)
	calls := func() (out struct{ Calls int }) {
		answer, err := w.Invoke(t.Context(), f, []byte("{}"))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(answer, &out))
		return out
	}
	require.Equal(t, 1, calls().Calls)
	require.Equal(t, 2, calls().Calls, "the instance is warm")
	code := w.c.Blob(f)
	w.again(f)
	_, err := w.Invoke(t.Context(), f, []byte("{}"))
	require.ErrorContains(t, err, "has no code")
	w.c.SetBlob(f, code)
	require.Equal(t, 1, calls().Calls)
}

func TestAnAlarmThatIsMadeAgainHasNoState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := w.queue("dead")
	alarm := "arn:aws:cloudwatch:us-east-1:" + account + ":alarm:a"
	w.add(typetoken.MetricAlarm, "a", alarm, props{
		"name": "a", "namespace": "AWS/SQS", "metricName": visibleMessages, "dimensions": props{"QueueName": "dead"},
		"statistic": "Maximum", "comparisonOperator": "GreaterThanThreshold", "threshold": 0,
	})
	require.NoError(t, w.send(queue, Message{Body: "x"}, publisher{service: eventsService}))
	require.Equal(t, alarmRaised, w.AlarmState(alarm))
	w.again(queue)
	w.again(alarm)
	require.Equal(t, alarmWithout, w.AlarmState(alarm), "a queue that was never used reports nothing")
}

func TestTheScanOfAnImageGoesWithItsRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image := cloud.PushedImage{Digest: "sha256:" + strings.Repeat("a", 64), Tag: "one"}
	w.add(typetoken.Repository, "image", repository, props{"name": "image", "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": props{"scanOnPush": true}})
	require.NoError(t, w.Registry.PushImage(account, "image", image))
	require.NoError(t, w.Registry.EmitScan(account, "image", image.Digest))
	w.again(repository)
	require.ErrorContains(t, w.Registry.EmitScan(account, "image", image.Digest), "holds no image")
	require.NoError(t, w.Registry.PushImage(account, "image", image), "the tag is free again")
}

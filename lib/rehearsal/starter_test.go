package rehearsal_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// onBus returns the newest event of a source on the delivery bus that is not of
// a failure.
func (s *stage) onBus(t *testing.T, source string) awsapi.Event {
	t.Helper()
	all := s.rig.Cloud.Journal.Events("event")
	for _, e := range slices.Backward(all) {
		if of, _ := e.Fields["detail"].(map[string]any); e.Fields["source"] == source && of["outcome"] != contract.Failed {
			detail, err := json.Marshal(e.Fields["detail"])
			require.NoError(t, err)
			return awsapi.Event{
				Account: cloud.DeliveryAccount, Bus: s.rig.Names(naming.Shared).Of(naming.DeliveryBus),
				Source: source, DetailType: e.Fields["detailType"].(string), Detail: string(detail),
			}
		}
	}
	require.Fail(t, "no event of "+source)
	return awsapi.Event{}
}

// repeatedEvent delivers the events of the push before again, and each of them
// twice: EventBridge and Lambda both promise at least once.
func (s *stage) repeatedEvent(t *testing.T) {
	starter := s.rig.Names(naming.Shared).Of(naming.StarterFunction)
	answers := func() int {
		return len(slices.DeleteFunc(s.rig.Cloud.Journal.Events("lambda"), func(e cloud.Event) bool {
			return e.Subject != starter || !strings.HasPrefix(e.Message, "answered")
		}))
	}
	before := answers()
	again := s.rig.Cloud.Inject(cloud.Fault{Service: "events", Operation: "DeliverAgain", Resource: starter, Times: 3})
	s.startsNothing(t, func() {
		for _, source := range []string{contract.PushSource, contract.DeploymentSource("staging")} {
			_, err := s.rig.Services.PutEvent(s.onBus(t, source))
			require.NoError(t, err)
		}
	})
	require.Equal(t, 3, again.Struck, "dev, staging and prod")
	require.Equal(t, before+6, answers(), "every delivery was answered with the execution of then")
	require.Empty(t, s.rig.Services.Messages(s.queueARN(naming.Shared, naming.StarterDeadLetter)))
}

// put calls PutEvents as a role of the delivery account.
func (s *stage) put(t *testing.T, by *cloud.Session, events ...awsapi.Event) error {
	t.Helper()
	client := eventbridge.NewFromConfig(aws.Config{
		Region: cloud.Region, BaseEndpoint: &s.rig.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(by.AccessKeyID, by.SecretKey, by.Token),
	})
	in := &eventbridge.PutEventsInput{}
	for _, e := range events {
		in.Entries = append(in.Entries, types.PutEventsRequestEntry{EventBusName: &e.Bus, Source: &e.Source, DetailType: &e.DetailType, Detail: &e.Detail})
	}
	_, err := client.PutEvents(s.ctx, in)
	return err
}

func (s *stage) as(t *testing.T, env naming.Environment, role naming.Kind) *cloud.Session {
	t.Helper()
	session, err := s.rig.Cloud.Issue("arn:aws:iam::"+cloud.DeliveryAccount+":role/"+s.rig.Names(env).Of(role), "test", time.Hour)
	require.NoError(t, err)
	return session
}

// strangersOnTheBus try to speak for the receiver and for staging's deployer.
func (s *stage) strangersOnTheBus(t *testing.T) {
	push, staging := s.onBus(t, contract.PushSource), s.onBus(t, contract.DeploymentSource("staging"))
	dev := s.onBus(t, contract.DeploymentSource("dev"))
	deployer := s.as(t, naming.Staging, naming.DeployBuild.Role)
	s.startsNothing(t, func() {
		for who, by := range map[string]*cloud.Session{
			"an administrator": s.rig.Cloud.Operator(cloud.DeliveryAccount), "staging's preview": s.as(t, naming.Staging, naming.PreviewBuild.Role),
		} {
			require.ErrorContains(t, s.put(t, by, push), "AccessDenied", "%s as the receiver", who)
			require.ErrorContains(t, s.put(t, by, staging), "AccessDenied", "%s as staging's deployer", who)
		}
		for what, batch := range map[string][]awsapi.Event{
			"as the receiver": {push}, "as dev's deployer": {dev}, "an own event and a foreign one": {staging, push}, "own events around a foreign one": {staging, dev, staging},
		} {
			require.ErrorContains(t, s.put(t, deployer, batch...), "AccessDenied", "staging's deployer %s", what)
		}
	})
	failed := staging
	failed.Detail = strings.Replace(staging.Detail, `"`+contract.Succeeded+`"`, `"`+contract.Failed+`"`, 1)
	require.NotEqual(t, staging.Detail, failed.Detail)
	s.startsNothing(t, func() {
		require.NoError(t, s.put(t, deployer, failed, failed), "it speaks for itself, of what starts nothing")
	})
}

func (s *stage) queueARN(env naming.Environment, k naming.Kind) string {
	return naming.Scope{Account: cloud.DeliveryAccount, Region: cloud.Region}.Queue(s.rig.Names(env).Of(k))
}

func (s *stage) alarm(env naming.Environment, k naming.Kind) string {
	return s.rig.Services.AlarmState(naming.Scope{Account: cloud.DeliveryAccount, Region: cloud.Region}.Alarm(s.rig.Names(env).Of(k)))
}

// alarmsTold are the subjects of the alarms that reached people.
func (s *stage) alarmsTold() []string {
	var out []string
	for _, n := range s.rig.Services.Notifications() {
		if strings.HasPrefix(n.Subject, "ALARM: ") {
			out = append(out, n.Subject)
		}
	}
	return out
}

// deadLetterIsSeen sends an event that the starter refuses, and one that does
// not reach it.
func (s *stage) deadLetterIsSeen(t *testing.T) {
	for _, q := range s.rig.Cloud.Find(cloud.DeliveryAccount, typetoken.Queue, nil) {
		require.NotNil(t, s.rig.Cloud.First(cloud.DeliveryAccount, "aws:cloudwatch/metricAlarm:MetricAlarm", func(a *cloud.Resource) bool {
			return a.Str("dimensions.QueueName") == q.Name
		}), "%s has no alarm", q.Name)
	}
	before := len(s.alarmsTold())
	injected := s.onBus(t, contract.DeploymentSource("staging"))
	injected.Detail = strings.Replace(injected.Detail, `"pusher":"`+rehearsal.Merger+`"`, `"pusher":"x\"},{\"name\":\"COMMIT\",\"value\":\"e"`, 1)
	require.Contains(t, injected.Detail, `x\"}`)
	s.startsNothing(t, func() {
		_, err := s.rig.Services.PutEvent(injected)
		require.NoError(t, err)
	})
	require.Len(t, s.rig.Services.Messages(s.queueARN(naming.Shared, naming.StarterDeadLetter)), 1)
	require.Equal(t, "ALARM", s.alarm(naming.Shared, naming.StarterAlarm))
	told := s.alarmsTold()
	require.Len(t, told, before+1)
	require.Contains(t, told[before], s.rig.Names(naming.Shared).Of(naming.StarterAlarm))

	unreachable := s.rig.Cloud.Inject(cloud.Fault{Service: "events", Operation: "Deliver", Resource: s.rig.Names(naming.Shared).Of(naming.StarterFunction), Code: "ServiceException", Times: 2 * 21})
	s.startsNothing(t, func() {
		_, err := s.rig.Services.PutEvent(s.onBus(t, contract.PushSource))
		require.NoError(t, err)
	})
	require.Equal(t, 2*21, unreachable.Struck, "once, and 20 repetitions, for dev and for staging")
	require.Len(t, s.alarmsTold(), before+3)
	for _, env := range []naming.Environment{naming.Dev, naming.Staging} {
		require.Equal(t, "ALARM", s.alarm(env, naming.StartAlarm))
		require.NoError(t, s.rig.Services.Purge(s.rig.Cloud.Operator(cloud.DeliveryAccount), s.queueARN(env, naming.StartDeadLetter)))
		require.Equal(t, "OK", s.alarm(env, naming.StartAlarm))
	}
	require.NoError(t, s.rig.Services.Purge(s.rig.Cloud.Operator(cloud.DeliveryAccount), s.queueARN(naming.Shared, naming.StarterDeadLetter)))
	require.Equal(t, "OK", s.alarm(naming.Shared, naming.StarterAlarm))
	require.Equal(t, "OK", s.alarm(naming.Prod, naming.StartAlarm))
}

package rehearsal_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/github"
)

// unreadable is a change that the deployer refuses soon: for scenarios about
// what starts a pipeline. The removal of the workload brings another manifest.
func unreadable(what string) map[string][]byte {
	return map[string][]byte{"delivery.yaml": []byte("stacks: none # " + what + "\n")}
}

func (s *stage) receiverARN() string {
	return naming.Scope{Account: cloud.DeliveryAccount, Region: cloud.Region}.Function(s.rig.Names(naming.Shared).Of(naming.ReceiverFunction))
}

// startsOnce follows a commit whose push was published, in dev and in staging.
func (s *stage) startsOnce(t *testing.T, commit string) {
	t.Helper()
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	for _, env := range []naming.Environment{naming.Dev, naming.Staging} {
		require.Len(t, s.operator.RunsOf(env, commit), 1, "%s", env)
	}
}

// flood has strangers send requests, so many a second by the cloud's clock, and
// returns their answers by status.
func (s *stage) flood(t *testing.T, clock *time.Time, requests, aSecond int) map[int]int {
	t.Helper()
	answers := map[int]int{}
	for range requests {
		require.NoError(t, s.rig.GitHub.Forge(s.ctx, "mallory"))
		answers[s.lastAnswer().Status]++
		*clock = clock.Add(time.Second / time.Duration(aSecond))
	}
	return answers
}

// floodOfStrangers is as large as the guide says that a push still gets past,
// and then larger.
func (s *stage) floodOfStrangers(t *testing.T) {
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	clock := s.rig.Cloud.Now()
	s.rig.Cloud.Now = func() time.Time { return clock }
	defer func() { s.rig.Cloud.Now = time.Now }()
	s.startsNothing(t, func() {
		require.Equal(t, map[int]int{401: 400}, s.flood(t, &clock, 400, 45))
	})
	require.NoError(t, s.rig.Services.Idle(s.limit(t)))
	within := s.deliver(t, "Arrive in a flood", unreadable("in a flood"))
	require.Equal(t, 202, s.lastAnswer().Status)
	s.startsOnce(t, within)

	answers := s.flood(t, &clock, 400, 100)
	require.Equal(t, 400, answers[401]+answers[429])
	require.InDelta(t, 300, answers[401], 5, "the burst of 100, and half of the others")
	for answers[429] = 0; answers[429] < 1; {
		require.NoError(t, s.rig.GitHub.Forge(s.ctx, "mallory"))
		answers[s.lastAnswer().Status]++
	}
	var lost string
	s.startsNothing(t, func() { lost = s.deliver(t, "Be lost in a larger one", unreadable("in a larger one")) })
	require.Equal(t, 429, s.lastAnswer().Status)
	refused := s.lastAnswer().ID
	clock = clock.Add(time.Second)
	require.NoError(t, s.rig.GitHub.Redeliver(s.ctx, refused))
	require.Equal(t, 202, s.lastAnswer().Status, "redelivered once the flood is over")
	s.startsOnce(t, lost)
}

// dies has the receiver die at a call of its own.
func (s *stage) dies(service, operation, resource string) *cloud.Fault {
	return s.rig.Cloud.Inject(cloud.Fault{Service: service, Operation: operation, Resource: resource, Times: 1, Reset: true,
		Then: func() { s.rig.Services.EndInstances(s.receiverARN()) }})
}

// leaseEnds makes the lease of a delivery end now: half a minute is long for a
// test.
func (s *stage) leaseEnds(t *testing.T, d github.Delivery) {
	t.Helper()
	by := s.rig.Cloud.Operator(cloud.DeliveryAccount)
	client := dynamodb.NewFromConfig(aws.Config{
		Region: cloud.Region, BaseEndpoint: &s.rig.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(by.AccessKeyID, by.SecretKey, by.Token),
	})
	sum := sha256.Sum256(d.Body())
	_, err := client.UpdateItem(s.ctx, &dynamodb.UpdateItemInput{
		TableName:                 aws.String(s.rig.Names(naming.Shared).Of(naming.DeliveriesTable)),
		Key:                       map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: hex.EncodeToString(sum[:])}},
		UpdateExpression:          aws.String("SET lease = :then"),
		ConditionExpression:       aws.String("attribute_exists(id)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":then": &types.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().Unix()-1, 10)}},
	})
	require.NoError(t, err)
}

func (s *stage) lastDelivery() github.Delivery {
	all := s.rig.GitHub.Deliveries()
	return all[len(all)-1]
}

// dyingReceiver loses the function before and after the event is put.
func (s *stage) dyingReceiver(t *testing.T) {
	before := s.dies("events", "PutEvents", "")
	var commit string
	s.startsNothing(t, func() { commit = s.deliver(t, "Die before the event", unreadable("before the event")) })
	require.Equal(t, 1, before.Struck)
	died := s.lastDelivery()
	require.Equal(t, 500, died.Status)
	s.startsNothing(t, func() { require.NoError(t, s.rig.GitHub.Redeliver(s.ctx, died.ID)) })
	require.Equal(t, 503, s.lastAnswer().Status)
	require.Contains(t, s.lastAnswer().Answer, "another invocation is at work on this delivery: deliver it again after")
	s.leaseEnds(t, died)
	require.NoError(t, s.rig.GitHub.Redeliver(s.ctx, died.ID))
	require.Equal(t, 202, s.lastAnswer().Status)
	s.startsOnce(t, commit)
	s.startsNothing(t, func() { require.NoError(t, s.rig.GitHub.Redeliver(s.ctx, died.ID)) })
	require.Contains(t, s.lastAnswer().Answer, "already accepted")

	after := s.dies("dynamodb", "UpdateItem", "SET published")
	commit = s.deliver(t, "Die after the event", unreadable("after the event"))
	require.Equal(t, 1, after.Struck)
	died = s.lastDelivery()
	require.Equal(t, 500, died.Status)
	s.startsOnce(t, commit)
	s.leaseEnds(t, died)
	// CodePipeline has forgotten the tokens, and the body comes under another id.
	forgotten := s.rig.Cloud.Inject(cloud.Fault{Service: "codepipeline", Operation: "ForgetToken", Times: -1})
	s.startsNothing(t, func() { require.NoError(t, s.rig.GitHub.Replay(s.ctx, died.ID)) })
	require.Equal(t, 202, s.lastAnswer().Status)
	require.Zero(t, forgotten.Struck, "the starter found what it had started")
	forgotten.Times = 0
	s.startsOnce(t, commit)
	require.Empty(t, s.rig.Services.Messages(s.queueARN(naming.Shared, naming.StarterDeadLetter)))
}

// ping sends a ping that is signed with a secret and returns the answer's status.
func (s *stage) ping(t *testing.T, secret string) int {
	t.Helper()
	const body = `{"zen":"Keep it logically awesome."}`
	hook := s.rig.Cloud.First("", "github:index/repositoryWebhook:RepositoryWebhook", nil)
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, hook.Str("configuration.url"), strings.NewReader(body))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "ping")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := (&http.Client{Transport: s.rig.Services}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func (s *stage) webhookSecret() string {
	return s.rig.Cloud.First("", "github:index/repositoryWebhook:RepositoryWebhook", nil).Str("configuration.secret")
}

// secretIsRotated signs with the secret of before and with the new one.
func (s *stage) secretIsRotated(t *testing.T) {
	old, denied := s.webhookSecret(), s.denials()
	require.Equal(t, 200, s.ping(t, old))
	require.NoError(t, s.operator.Platform.RotateWebhookSecret(s.limit(t)), s.log.tail())
	fresh := s.webhookSecret()
	require.NotEqual(t, old, fresh)
	s.rig.Services.EndInstances(s.receiverARN()) // else it looks again ten seconds after its last look
	require.Equal(t, 200, s.ping(t, fresh))
	require.Equal(t, 200, s.ping(t, old), "the hook may not know the new one yet")

	secret := s.rig.Cloud.First(cloud.DeliveryAccount, "aws:secretsmanager/secret:Secret", nil)
	s.rig.Cloud.SecretVersions(secret).Age(time.Hour)
	s.rig.Services.EndInstances(s.receiverARN()) // else it keeps what it read for five minutes
	require.Equal(t, 401, s.ping(t, old))
	require.Equal(t, 200, s.ping(t, fresh))
	require.Equal(t, denied, s.denials(), "nothing was denied meanwhile")
}

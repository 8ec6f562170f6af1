package provider

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestTopicsAreRefusedAsSNSRefusesThem(t *testing.T) {
	t.Parallel()
	refuses(t, typetoken.Topic, map[string]any{"name": "alerts"}, []refusal{
		{"name", map[string]any{"name": "a b"}, "expected text that matches"},
		{"fifo name", map[string]any{"fifoTopic": true}, "ends with .fifo"},
		{"standard name", map[string]any{"name": "a.fifo"}, "ends with .fifo"},
		{"dedup", map[string]any{"contentBasedDeduplication": true}, "belongs to FIFO"},
		{"unknown input", map[string]any{"topicName": "x"}, "not an input"},
		{"policy", map[string]any{"policy": "{}"}, "Malformed"},
		{"delivery policy", map[string]any{"deliveryPolicy": "[]"}, "JSON object"},
	})
}

func TestATopicsPolicySpeaksOfItsTopic(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	topic := l.topic("alerts")
	allow := func(resource string) string {
		return labPolicy(labAllow(service("events.amazonaws.com"), resource, "sns:Publish"))
	}
	_, err := l.try(typetoken.TopicPolicy, map[string]any{"arn": topic.ARN, "policy": allow(topic.ARN + "x")})
	require.ErrorContains(t, err, "which is not")
	_, err = l.try(typetoken.TopicPolicy, map[string]any{"arn": topic.ARN + "x", "policy": allow(topic.ARN + "x")})
	require.ErrorContains(t, err, "exists")
	l.make(typetoken.TopicPolicy, map[string]any{"arn": topic.ARN, "policy": allow(topic.ARN)})
	_, err = l.try(typetoken.TopicPolicy, map[string]any{"arn": topic.ARN, "policy": allow(topic.ARN)})
	require.ErrorContains(t, err, "replace without a word")
}

func TestSubscriptionsFitTheirProtocol(t *testing.T) {
	t.Parallel()
	good := map[string]any{"topic": "arn:aws:sns:us-east-1:111122223333:alerts", "protocol": "email", "endpoint": "a@example.com"}
	refuses(t, typetoken.TopicSubscription, good, []refusal{
		{"no mail", map[string]any{"endpoint": "nobody"}, "mail address"},
		{"protocol", map[string]any{"protocol": "pigeon"}, "expected one of"},
		{"queue", map[string]any{"protocol": "sqs"}, "begins with arn:aws:sqs:"},
		{"raw", map[string]any{"rawMessageDelivery": true}, "rawMessageDelivery"},
		{"scope", map[string]any{"filterPolicyScope": "MessageBody"}, "without filterPolicy"},
	})
	l := newLab(t)
	_, err := l.try(typetoken.TopicSubscription, good)
	require.ErrorContains(t, err, "exists")
	l.topic("alerts")
	s := l.make(typetoken.TopicSubscription, good)
	require.Equal(t, "true", s.Str("pendingConfirmation"))
	_, err = l.try(typetoken.TopicSubscription, changed(good, map[string]any{"protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:111122223333:none"}))
	require.ErrorContains(t, err, "does not exist")
}

func TestQueuesAreRefusedAsSQSRefusesThem(t *testing.T) {
	t.Parallel()
	redrive := func(text string) map[string]any { return map[string]any{"redrivePolicy": text} }
	refuses(t, typetoken.Queue, map[string]any{"name": "orders", "sqsManagedSseEnabled": true}, []refusal{
		{"long name", map[string]any{"name": string(make([]byte, 81))}, "characters"},
		{"retention", map[string]any{"messageRetentionSeconds": 59.0}, "expected 60"},
		{"visibility", map[string]any{"visibilityTimeoutSeconds": 43201.0}, "expected 0 to 43200"},
		{"encryption", map[string]any{"kmsMasterKeyId": "k"}, "exclude each other"},
		{"count as text", redrive(`{"deadLetterTargetArn":"a","maxReceiveCount":"5"}`), "not a text"},
		{"no count", redrive(`{"deadLetterTargetArn":"a"}`), "maxReceiveCount"},
		{"not JSON", redrive(`x`), "JSON object"},
		{"fifo", map[string]any{"fifoQueue": true}, "ends with .fifo"},
		{"allow policy", map[string]any{"redriveAllowPolicy": `{"redrivePermission":"byQueue"}`}, "sourceQueueArns"},
	})
}

func TestADeadLetterQueueMustExistAndFit(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	redrive := func(arn string) string {
		return labJSON(map[string]any{"deadLetterTargetArn": arn, "maxReceiveCount": 5})
	}
	_, err := l.try(typetoken.Queue, map[string]any{"name": "orders", "redrivePolicy": redrive("arn:aws:sqs:us-east-1:111122223333:none")})
	require.ErrorContains(t, err, "Dead letter target does not exist")
	fifo := l.make(typetoken.Queue, map[string]any{"name": "d.fifo", "fifoQueue": true})
	_, err = l.try(typetoken.Queue, map[string]any{"name": "orders", "redrivePolicy": redrive(fifo.ARN)})
	require.ErrorContains(t, err, "another kind")
	closed := l.make(typetoken.Queue, map[string]any{"name": "closed", "redriveAllowPolicy": `{"redrivePermission":"denyAll"}`})
	_, err = l.try(typetoken.Queue, map[string]any{"name": "orders", "redrivePolicy": redrive(closed.ARN)})
	require.ErrorContains(t, err, "does not accept")
	q := l.make(typetoken.Queue, map[string]any{"name": "orders", "redrivePolicy": redrive(l.queue("dead").ARN)})
	require.Equal(t, "https://sqs.us-east-1.amazonaws.com/111122223333/orders", q.Str("url"))
	require.Equal(t, "true", q.Str("sqsManagedSseEnabled"))
}

func TestAQueuesPolicySpeaksOfItsQueueAndGoesWithIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	q := l.queue("dead")
	policy := func(arn string) map[string]any {
		return map[string]any{"queueUrl": q.ID, "policy": labPolicy(labAllow(service("events.amazonaws.com"), arn, "sqs:SendMessage"))}
	}
	_, err := l.try(typetoken.QueuePolicy, policy(q.ARN+"x"))
	require.ErrorContains(t, err, "which is not")
	p := l.make(typetoken.QueuePolicy, policy(q.ARN))
	require.NoError(t, l.remove(q))
	require.Nil(t, l.c.Get(labAccount, p.Type, p.ID))
}

func TestParametersAreRefusedAsSystemsManagerRefusesThem(t *testing.T) {
	t.Parallel()
	refuses(t, typetoken.Parameter, map[string]any{"name": "/a/b", "type": "String", "value": "x"}, []refusal{
		{"reserved", map[string]any{"name": "/AWS/x"}, "begins with aws or ssm"},
		{"no leading slash", map[string]any{"name": "a/b"}, "must begin with /"},
		{"empty", map[string]any{"value": ""}, "characters"},
		{"none", map[string]any{"value": nil}, "value is not set"},
		{"large", map[string]any{"value": string(make([]byte, 5000))}, "Advanced"},
		{"reference", map[string]any{"value": "{{ssm:x}}"}, "referenced or nested"},
		{"pattern", map[string]any{"allowedPattern": "^[0-9]+$"}, "allowedPattern"},
		{"key", map[string]any{"keyId": "k"}, "belongs to SecureString"},
		{"type", map[string]any{"type": "Number"}, "expected one of"},
	})
}

// The scan gate writes the value behind the program's back.
func TestATagDoesNotTouchAParametersValue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := map[string]any{"name": "approved", "type": "String", "value": "none"}
	p := l.make(typetoken.Parameter, in)
	l.c.Update(p.Account, p.Type, p.ID, func(r *cloud.Resource) { r.Outputs = changed(r.Outputs, map[string]any{"value": "sha256:1"}) })
	p, err := l.update(p, changed(in, map[string]any{"tags": map[string]any{"a": "b"}}))
	require.NoError(t, err)
	require.Equal(t, "sha256:1", p.Str("value"))
	p, err = l.update(p, changed(in, map[string]any{"description": "d"}))
	require.NoError(t, err)
	require.Equal(t, "none", p.Str("value"))
	require.Equal(t, 2.0, p.Value("version"))
}

func TestASecretsNameStaysTakenDuringItsRecoveryWindow(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := map[string]any{"name": "hook", "recoveryWindowInDays": 0.0}
	s := l.make(typetoken.Secret, in)
	require.Regexp(t, `:secret:hook-[a-z0-9]{6}$`, s.ARN)
	require.Equal(t, s.ARN, s.ID)
	v := l.make(typetoken.SecretVersion, map[string]any{"secretId": s.ID, "secretString": "x"})
	require.Equal(t, s.ARN, v.Str("arn"))
	require.NoError(t, l.remove(s))
	s = l.make(typetoken.Secret, map[string]any{"name": "hook"})
	require.NoError(t, l.remove(s))
	_, err := l.try(typetoken.Secret, in)
	require.ErrorContains(t, err, "scheduled for deletion")
	require.Contains(t, l.plan(typetoken.Secret, map[string]any{"name": "a", "recoveryWindowInDays": 3.0}), "expected 0 or 7 to 30")
	require.Contains(t, l.plan(typetoken.SecretVersion, map[string]any{"secretId": "x"}), "is required")
}

// The key's policy decides about the caller's use of the key through Secrets
// Manager.
func TestASecretNeedsTheRightToUseItsKey(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	closed := l.key()
	_, err := l.try(typetoken.Secret, map[string]any{"name": "hook", "kmsKeyId": closed.ARN})
	require.ErrorContains(t, err, "kms:GenerateDataKey")
	operator := map[string]any{"AWS": "arn:aws:iam::111122223333:role/Operator"}
	l.make(typetoken.Secret, map[string]any{"name": "hook", "kmsKeyId": l.key(labAllow(operator, "*", "kms:GenerateDataKey", "kms:Decrypt")).ARN})
}

func TestLogGroupsNeedAKeyThatLetsTheServiceIn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := l.try(typetoken.LogGroup, map[string]any{"name": "logs", "kmsKeyId": l.key().ARN})
	require.ErrorContains(t, err, "not allowed to be used with")
	use := labAllow(service("logs.us-east-1.amazonaws.com"), "*", "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
	use["Condition"] = map[string]any{"ArnEquals": map[string]any{"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:111122223333:log-group:logs"}}
	k := l.key(use)
	_, err = l.try(typetoken.LogGroup, map[string]any{"name": "others", "kmsKeyId": k.ARN})
	require.Error(t, err)
	g := l.make(typetoken.LogGroup, map[string]any{"name": "logs", "kmsKeyId": k.ARN, "retentionInDays": 30.0})
	require.Equal(t, "arn:aws:logs:us-east-1:111122223333:log-group:logs", g.ARN)
	require.Contains(t, l.plan(typetoken.LogGroup, map[string]any{"name": "x", "retentionInDays": 31.0}), "retentionInDays is 31")
}

// The default permissions of the deploy role and what the provider calls for
// the sample workload belong together: lib/access/workload.go.
func TestTheSampleWorkloadNeedsNoMoreThanItsRoleHas(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	use := labAllow(nil, []string{"arn:aws:sns:us-east-1:111122223333:t", "arn:aws:ssm:us-east-1:111122223333:parameter/p", "arn:aws:sqs:us-east-1:111122223333:q", "arn:aws:sqs:us-east-1:111122223333:d"},
		"sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource",
		"ssm:GetParameter", "ssm:GetParameters", "ssm:ListTagsForResource", "ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource",
		"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue")
	role := l.role("deploy", "codebuild.amazonaws.com", use, labAllow(nil, "*", "ssm:DescribeParameters"))
	session, err := l.c.Issue(role.ARN, "run", time.Hour)
	require.NoError(t, err)
	deploy := l.with(session)
	some := map[string]any{"tags": map[string]any{"a": "b"}}
	var made []*cloud.Resource
	add := func(r *cloud.Resource) *cloud.Resource { made = append(made, r); return r }
	topic := add(deploy.make(typetoken.Topic, map[string]any{"name": "t"}))
	add(deploy.make(typetoken.Parameter, map[string]any{"name": "p", "type": "String", "value": topic.ARN}))
	dead := add(deploy.make(typetoken.Queue, map[string]any{"name": "d", "sqsManagedSseEnabled": true}))
	add(deploy.make(typetoken.Queue, map[string]any{"name": "q", "redrivePolicy": labJSON(map[string]any{"deadLetterTargetArn": dead.ARN, "maxReceiveCount": 5})}))
	for _, r := range made {
		_, err := deploy.update(r, changed(r.Inputs, some))
		require.NoError(t, err)
		require.NoError(t, deploy.remove(r))
	}
	_, err = deploy.try(typetoken.Topic, map[string]any{"name": "other"})
	require.ErrorContains(t, err, "AccessDenied")
}

package awsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	account = cloud.DeliveryAccount
	keyARN  = "arn:aws:kms:us-east-1:" + account + ":key/k1"
	bucket  = "state-bucket"
)

// bench is a cloud with a bucket that is encrypted with a key, and its API.
type bench struct {
	t     *testing.T
	cloud *cloud.Cloud
	url   string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchWith(t, nil)
}

// newBenchWith is a bench with something behind its API.
func newBenchWith(t *testing.T, backend Backend) *bench {
	t.Helper()
	c := cloud.New()
	h := httptest.NewServer(New(c, backend))
	t.Cleanup(h.Close)
	b := &bench{t, c, h.URL}
	b.add(typetoken.Key, "k1", keyARN, "", map[string]any{"policy": statement(`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey","kms:DescribeKey"],"Resource":"*"`)})
	b.add(typetoken.Bucket, bucket, "arn:aws:s3:::"+bucket, bucket, nil)
	b.add(typetoken.BucketEncryption, bucket, "", "", map[string]any{"bucket": bucket, "rules": []any{map[string]any{
		"bucketKeyEnabled": true, "applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": keyARN},
	}}})
	return b
}

func statement(rest string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + rest + `}]}`
}

func (b *bench) add(typ, id, arn, name string, inputs map[string]any) {
	b.t.Helper()
	require.NoError(b.t, b.cloud.Add(&cloud.Resource{Type: typ, ID: id, ARN: arn, Name: name, Account: account, Inputs: inputs, Outputs: map[string]any{}}))
}

// role makes a role with a policy and returns its credentials.
func (b *bench) role(name, policy string) *cloud.Session {
	b.t.Helper()
	b.add(typetoken.Role, name, "arn:aws:iam::"+account+":role/"+name, name, map[string]any{"name": name, "assumeRolePolicy": statement(`"Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"`)})
	b.add(typetoken.RolePolicy, name+":p", "", "p", map[string]any{"role": name, "name": "p", "policy": policy})
	s, err := b.cloud.Issue("arn:aws:iam::"+account+":role/"+name, "test", time.Hour)
	require.NoError(b.t, err)
	return s
}

func (b *bench) config(s *cloud.Session) aws.Config {
	return aws.Config{
		Region: cloud.Region, BaseEndpoint: &b.url, RetryMaxAttempts: 3,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretKey, s.Token),
	}
}

func (b *bench) s3(s *cloud.Session) *s3.Client {
	return s3.NewFromConfig(b.config(s), func(o *s3.Options) { o.UsePathStyle = true })
}

func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	return api.ErrorCode()
}

func TestCallersAreAuthenticated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*bench, *cloud.Session) *cloud.Session
		code   string
	}{
		"unknown key":  {func(_ *bench, s *cloud.Session) *cloud.Session { s.AccessKeyID = "ASIAUNKNOWN"; return s }, "InvalidClientTokenId"},
		"wrong token":  {func(_ *bench, s *cloud.Session) *cloud.Session { s.Token = "other"; return s }, "InvalidClientTokenId"},
		"wrong secret": {func(_ *bench, s *cloud.Session) *cloud.Session { s.SecretKey = "other"; return s }, "SignatureDoesNotMatch"},
		"expired": {func(b *bench, s *cloud.Session) *cloud.Session {
			b.cloud.Now = func() time.Time { return time.Now().Add(13 * time.Hour) }
			return s
		}, "ExpiredToken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			copied := *b.cloud.Operator(account)
			_, err := sts.NewFromConfig(b.config(c.change(b, &copied))).GetCallerIdentity(t.Context(), nil)
			require.Equal(t, c.code, code(t, err))
		})
	}
}

func TestUnsignedAndUnplayedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	resp, err := http.Get(b.url + "/" + bucket)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	_, err = kms.NewFromConfig(b.config(b.cloud.Operator(account))).ListKeys(t.Context(), nil)
	require.Equal(t, "NotImplemented", code(t, err))
}

func TestObjectsAreKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, ctx := b.s3(b.cloud.Operator(account)), t.Context()
	big := bytes.Repeat([]byte("0123456789"), 700_000)
	for key, body := range map[string][]byte{".pulumi/stacks/a b/ü+x.json": []byte("state"), "big": big} {
		out, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(body)})
		require.NoError(t, err, key)
		require.Equal(t, keyARN, aws.ToString(out.SSEKMSKeyId))
		got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
		require.NoError(t, err, key)
		text, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, text), key)
	}
	_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: aws.String(bucket + "/big")})
	require.NoError(t, err)
	list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("c")})
	require.NoError(t, err)
	require.Len(t, list.Contents, 1)
	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy")})
	require.NoError(t, err)
	_, err = c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy")})
	require.Equal(t, "NoSuchKey", code(t, err))
	_, err = c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("nowhere")})
	require.Equal(t, "NoSuchBucket", code(t, err))
}

const (
	useKey  = `{"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"` + keyARN + `"}`
	objects = `{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::` + bucket + `/ours/*"}`
)

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func TestObjectsAreForThoseWhoMay(t *testing.T) {
	t.Parallel()
	put := func(b *bench, s *cloud.Session, key string) error {
		_, err := b.s3(s).PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("x")})
		return err
	}
	b := newBench(t)
	both := b.role("both", policy(useKey, objects))
	require.NoError(t, put(b, both, "ours/x"))
	err := put(b, both, "theirs/x")
	require.Equal(t, "AccessDenied", code(t, err))
	for _, part := range []string{"assumed-role/both/test", "s3:PutObject", "arn:aws:s3:::state-bucket/theirs/x", "missing"} {
		require.ErrorContains(t, err, part, "a denial says who, what, which resource and what is missing")
	}
	require.ErrorContains(t, put(b, b.role("nokey", policy(objects)), "ours/x"), "kms:GenerateDataKey")

	b.add(typetoken.BucketPolicy, bucket, "", "", map[string]any{"bucket": bucket, "policy": policy(`{"Sid":"Nobody","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::` + bucket + `/*"}`)})
	require.ErrorContains(t, put(b, both, "ours/x"), "explicitly denies")
}

func TestMissingObjectsAreToldToThoseWhoMayList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	get := func(s *cloud.Session) error {
		_, err := b.s3(s).GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("ours/none")})
		return err
	}
	list := `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::` + bucket + `"}`
	require.Equal(t, "AccessDenied", code(t, get(b.role("blind", policy(useKey, objects)))))
	require.Equal(t, "NoSuchKey", code(t, get(b.role("seeing", policy(useKey, objects, list)))))
}

func TestFaultsStrike(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.s3(b.cloud.Operator(account))
	put := func() error {
		_, err := c.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("x"), Body: strings.NewReader("x")})
		return err
	}
	f := b.cloud.Inject(cloud.Fault{Service: "s3", Operation: "PutObject", Resource: bucket, Status: 503, Code: "SlowDown", Times: 2})
	require.NoError(t, put(), "the SDK repeats twice")
	require.Equal(t, 2, f.Struck)
	b.cloud.Inject(cloud.Fault{Service: "s3", Status: 500, Code: "InternalError", Times: 3})
	require.Equal(t, "InternalError", code(t, put()))
	b.cloud.Inject(cloud.Fault{Service: "s3", Reset: true, Times: 3})
	var api smithy.APIError
	require.False(t, errors.As(put(), &api), "a reset has no answer")
}

func TestKeysSealForOneContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c, ctx := kms.NewFromConfig(b.config(b.cloud.Operator(account))), t.Context()
	b.add(typetoken.KeyAlias, "alias/k", "arn:aws:kms:us-east-1:"+account+":alias/k", "alias/k", map[string]any{"targetKeyId": "k1"})
	dev := map[string]string{"environment": "dev"}
	sealed, err := c.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String("alias/k"), Plaintext: []byte("secret"), EncryptionContext: dev})
	require.NoError(t, err)
	require.Equal(t, keyARN, *sealed.KeyId)
	opened, err := c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: dev})
	require.NoError(t, err)
	require.Equal(t, "secret", string(opened.Plaintext))
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: map[string]string{"environment": "prod"}})
	require.Equal(t, "InvalidCiphertextException", code(t, err))

	narrow := b.role("narrow", policy(`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"`+keyARN+`","Condition":{"StringEquals":{"kms:EncryptionContext:environment":"prod"}}}`))
	_, err = kms.NewFromConfig(b.config(narrow)).Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: dev})
	require.Equal(t, "AccessDeniedException", code(t, err))

	require.True(t, b.cloud.Remove(account, typetoken.Key, "k1"))
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: dev})
	require.Equal(t, "KMSInvalidStateException", code(t, err), "a deleted key is pending deletion")
}

func TestRolesAreAssumedByWhomTheyTrust(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	target := "arn:aws:iam::" + cloud.DevAccount + ":role/deploy"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/build","sts:ExternalId":"id-1"}}}]}`
	require.NoError(t, b.cloud.Add(&cloud.Resource{Type: typetoken.Role, ID: "deploy", Name: "deploy", ARN: target, Account: cloud.DevAccount, Inputs: map[string]any{"name": "deploy", "assumeRolePolicy": trust}}))
	may := policy(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + target + `"}`)
	assume := func(s *cloud.Session, external *string) error {
		_, err := sts.NewFromConfig(b.config(s)).AssumeRole(context.Background(), &sts.AssumeRoleInput{RoleArn: &target, RoleSessionName: aws.String("run"), ExternalId: external})
		return err
	}
	build := b.role("build", may)
	require.NoError(t, assume(build, aws.String("id-1")))
	require.Equal(t, "AccessDenied", code(t, assume(build, aws.String("id-2"))), "wrong external id")
	require.Equal(t, "AccessDenied", code(t, assume(build, nil)), "no external id")
	require.Equal(t, "AccessDenied", code(t, assume(b.role("other", may), aws.String("id-1"))), "another role of the account")
}

func TestParametersSecretsAndClaims(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	config, ctx := b.config(b.cloud.Operator(account)), t.Context()
	b.add(typetoken.Parameter, "approved", "arn:aws:ssm:us-east-1:"+account+":parameter/approved", "approved", map[string]any{"value": "none", "type": "String"})
	params := ssm.NewFromConfig(config)
	_, err := params.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("approved"), Value: aws.String("sha256:1")})
	require.Equal(t, "ParameterAlreadyExists", code(t, err))
	_, err = params.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("approved"), Value: aws.String("sha256:1"), Overwrite: aws.Bool(true)})
	require.NoError(t, err)
	got, err := params.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("approved")})
	require.NoError(t, err)
	require.Equal(t, "sha256:1", *got.Parameter.Value)

	secretARN := "arn:aws:secretsmanager:us-east-1:" + account + ":secret:hook-abc"
	b.add(typetoken.Secret, secretARN, secretARN, "hook", map[string]any{"kmsKeyId": keyARN})
	b.cloud.SecretVersions(b.cloud.ByARN(secretARN)).Put(cloud.SecretVersion{ID: "v1", Text: "s3cret", Created: time.Unix(1000, 0)})
	secret, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secretARN})
	require.NoError(t, err)
	require.Equal(t, "s3cret", *secret.SecretString)
	keyless := b.role("keyless", policy(`{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"`+secretARN+`"}`))
	_, err = secretsmanager.NewFromConfig(b.config(keyless)).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secretARN})
	require.ErrorContains(t, err, "kms:Decrypt")

	b.add(typetoken.Table, "claims", "arn:aws:dynamodb:us-east-1:"+account+":table/claims", "claims", map[string]any{"hashKey": "id"})
	claim := &dynamodb.PutItemInput{TableName: aws.String("claims"), ConditionExpression: aws.String("attribute_not_exists(id)"), Item: map[string]dynamotypes.AttributeValue{"id": &dynamotypes.AttributeValueMemberS{Value: "x"}}}
	table := dynamodb.NewFromConfig(config)
	_, err = table.PutItem(ctx, claim)
	require.NoError(t, err)
	_, err = table.PutItem(ctx, claim)
	require.Equal(t, "ConditionalCheckFailedException", code(t, err))
	_, err = table.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: claim.TableName, Key: claim.Item})
	require.NoError(t, err)
	_, err = table.PutItem(ctx, claim)
	require.NoError(t, err)

	require.True(t, b.cloud.Remove(account, typetoken.Table, "claims"))
	_, err = table.PutItem(ctx, claim)
	require.Equal(t, "ResourceNotFoundException", code(t, err))
	b.add(typetoken.Table, "claims", "arn:aws:dynamodb:us-east-1:"+account+":table/claims", "claims", map[string]any{"hashKey": "id"})
	_, err = table.PutItem(ctx, claim)
	require.NoError(t, err, "a table that is made again is empty")
}

// bus remembers events.
type bus struct {
	Backend
	events []Event
}

func (b *bus) PutEvent(e Event) (string, error) {
	b.events = append(b.events, e)
	return fmt.Sprint(len(b.events)), nil
}

func TestEventsAreForTheSourceThatMay(t *testing.T) {
	t.Parallel()
	rt := &bus{}
	b := newBenchWith(t, rt)
	arn := "arn:aws:events:us-east-1:" + account + ":event-bus/delivery"
	b.add(typetoken.EventBus, "delivery", arn, "delivery", nil)
	dev := b.role("dev", policy(`{"Effect":"Allow","Action":"events:PutEvents","Resource":"`+arn+`","Condition":{"StringEquals":{"events:source":"delivery.deployer.dev"}}}`))
	put := func(source, detail, name string) (*eventbridge.PutEventsOutput, error) {
		return eventbridge.NewFromConfig(b.config(dev)).PutEvents(context.Background(), &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{
			{Source: &source, DetailType: aws.String("deployment"), Detail: &detail, EventBusName: &name},
		}})
	}
	out, err := put("delivery.deployer.dev", "{}", "delivery")
	require.NoError(t, err)
	require.Zero(t, out.FailedEntryCount)
	require.Len(t, rt.events, 1)
	_, err = put("delivery.deployer.staging", "{}", "delivery")
	require.Equal(t, "AccessDeniedException", code(t, err), "one environment can't speak for another")
	out, err = put("delivery.deployer.dev", "no json", "delivery")
	require.NoError(t, err)
	require.EqualValues(t, 1, out.FailedEntryCount)
	require.Equal(t, "MalformedDetail", *out.Entries[0].ErrorCode)
}

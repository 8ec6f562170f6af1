package receiver_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/handlers/receiver"
)

type secretStore struct {
	value string
	err   error
	reads int
}

func (s *secretStore) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.reads++
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(s.value)}, s.err
}

func TestTheSecretIsReadOnceAndAgainAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	clock := now
	store := &secretStore{value: "one"}
	cache := &receiver.SecretCache{API: store, ID: "id", Now: func() time.Time { return clock }}
	ctx := context.Background()
	for range 3 {
		got, err := cache.Current(ctx)
		require.NoError(t, err)
		require.Equal(t, "one", string(got))
	}
	require.Equal(t, 1, store.reads)

	store.value = "two"
	_, read, err := cache.Refresh(ctx)
	require.NoError(t, err)
	require.False(t, read, "a forged delivery right after the first read costs nothing")

	clock = clock.Add(time.Minute)
	got, read, err := cache.Refresh(ctx)
	require.NoError(t, err)
	require.True(t, read)
	require.Equal(t, "two", string(got))
	_, read, err = cache.Refresh(ctx)
	require.NoError(t, err)
	require.False(t, read)
	require.Equal(t, 2, store.reads)
}

func TestASecretThatCantBeReadIsAnErrorAndIsNotKept(t *testing.T) {
	t.Parallel()
	store := &secretStore{err: errors.New("denied")}
	cache := &receiver.SecretCache{API: store, ID: "id", Now: time.Now}
	_, err := cache.Current(context.Background())
	require.ErrorContains(t, err, "denied")
	store.err = nil
	_, err = cache.Current(context.Background())
	require.ErrorContains(t, err, "is empty")
	store.value = "now"
	got, err := cache.Current(context.Background())
	require.NoError(t, err)
	require.Equal(t, "now", string(got))
}

type busAPI struct{ out *eventbridge.PutEventsOutput }

func (e busAPI) PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	return e.out, nil
}

func TestAnEntryThatTheBusRefusedIsAnError(t *testing.T) {
	t.Parallel()
	refused := &eventbridge.PutEventsOutput{FailedEntryCount: 1, Entries: []ebtypes.PutEventsResultEntry{
		{ErrorCode: aws.String("InternalFailure"), ErrorMessage: aws.String("try again")},
	}}
	err := receiver.EventBus{API: busAPI{refused}, Name: "bus"}.Publish(context.Background(), nil)
	require.ErrorContains(t, err, "InternalFailure: try again")
	err = receiver.EventBus{API: busAPI{&eventbridge.PutEventsOutput{FailedEntryCount: 1}}, Name: "bus"}.Publish(context.Background(), nil)
	require.Error(t, err)
	require.NoError(t, receiver.EventBus{API: busAPI{&eventbridge.PutEventsOutput{}}, Name: "bus"}.Publish(context.Background(), nil))
}

type table struct {
	put error
	in  *dynamodb.PutItemInput
}

func (d *table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	d.in = in
	return &dynamodb.PutItemOutput{}, d.put
}

func (d *table) DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return &dynamodb.DeleteItemOutput{}, nil
}

func TestAClaimIsConditionalAndExpires(t *testing.T) {
	t.Parallel()
	db := &table{}
	claims := receiver.Table{API: db, Name: "deliveries"}
	fresh, err := claims.Claim(context.Background(), "x", time.Unix(1234, 0))
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, "attribute_not_exists(id)", *db.in.ConditionExpression)
	require.Equal(t, &dbtypes.AttributeValueMemberN{Value: "1234"}, db.in.Item["expires"])

	db.put = &dbtypes.ConditionalCheckFailedException{}
	fresh, err = claims.Claim(context.Background(), "x", time.Unix(1234, 0))
	require.NoError(t, err)
	require.False(t, fresh)

	db.put = errors.New("throttled")
	_, err = claims.Claim(context.Background(), "x", time.Unix(1234, 0))
	require.ErrorContains(t, err, "throttled")
}

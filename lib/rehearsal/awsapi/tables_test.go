package awsapi

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/handlers/receiver"
	"delivery.internal/lib/rehearsal/cloud"
)

const tableARN = "arn:aws:dynamodb:us-east-1:" + account + ":table/claims"

// table makes a table and a client of a role that may update its items.
func (b *bench) table() *dynamodb.Client {
	b.add(typetoken.Table, "claims", tableARN, "claims", map[string]any{"hashKey": "id"})
	return dynamodb.NewFromConfig(b.config(b.role("writer", policy(`{"Effect":"Allow","Action":"dynamodb:UpdateItem","Resource":"`+tableARN+`"}`))))
}

func update(expression, condition string, values map[string]types.AttributeValue) *dynamodb.UpdateItemInput {
	in := &dynamodb.UpdateItemInput{
		TableName: aws.String("claims"), Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "x"}},
		UpdateExpression: &expression, ExpressionAttributeValues: values,
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	return in
}

func TestAnItemIsUpdatedOnItsCondition(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	table := b.table()
	one := map[string]types.AttributeValue{":n": &types.AttributeValueMemberN{Value: "1"}}
	in := update("SET n = if_not_exists(n, :n)", "attribute_not_exists(id)", one)
	in.ReturnValues = types.ReturnValueAllNew
	out, err := table.UpdateItem(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, map[string]types.AttributeValue{"id": in.Key["id"], "n": one[":n"]}, out.Attributes)

	_, err = table.UpdateItem(t.Context(), in)
	var failed *types.ConditionalCheckFailedException
	require.ErrorAs(t, err, &failed)
	require.Empty(t, failed.Item, "nobody asked")
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	_, err = table.UpdateItem(t.Context(), in)
	require.ErrorAs(t, err, &failed)
	require.Equal(t, out.Attributes, failed.Item)

	for want, in := range map[string]*dynamodb.UpdateItemInput{
		"This attribute is part of the key": update("SET id = :n", "", one),
		"unused in expressions":             update("SET n = :n", "", map[string]types.AttributeValue{":n": one[":n"], ":m": one[":n"]}),
		"reserved keyword: owner":           update("SET owner = :n", "", one),
		"does not play":                     update("REMOVE n", "", nil),
	} {
		_, err = table.UpdateItem(t.Context(), in)
		require.ErrorContains(t, err, want)
	}
	_, err = table.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: in.TableName, Key: in.Key})
	require.Equal(t, "AccessDeniedException", code(t, err))
}

// The receiver's own expressions, on a table that evaluates them.
func TestAClaimIsALease(t *testing.T) {
	t.Parallel()
	table := receiver.Table{API: newBench(t).table(), Name: "claims"}
	now := time.Unix(1_700_000_000, 0)
	claim := func(delivery string, at time.Time) receiver.Claim {
		c, err := table.Claim(t.Context(), "x", delivery, at)
		require.NoError(t, err)
		return c
	}
	first := claim("one", now)
	require.Equal(t, receiver.Claimed, first.State)
	leased := claim("two", now.Add(30*time.Second))
	require.Equal(t, receiver.Leased, leased.State)
	require.Equal(t, now.Add(30*time.Second), leased.Until)

	// The first one died; and whoever takes over publishes under its delivery.
	second := claim("two", now.Add(31*time.Second))
	require.Equal(t, receiver.Claimed, second.State)
	require.Equal(t, "one", second.Delivery)
	require.Error(t, table.Publish(t.Context(), first, now), "its lease is another's")
	require.NoError(t, table.Publish(t.Context(), second, now.Add(32*time.Second)))
	require.Equal(t, receiver.Published, claim("three", now.Add(48*time.Hour)).State)
}

func TestASecretIsReadByItsStagingLabel(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:secretsmanager:us-east-1:" + account + ":secret:hook-abc"
	b := newBench(t)
	b.add(typetoken.Secret, arn, arn, "hook", map[string]any{})
	versions := b.cloud.SecretVersions(b.cloud.ByARN(arn))
	client := secretsmanager.NewFromConfig(b.config(b.role("reader", policy(`{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"`+arn+`"}`))))
	get := func(stage string) (string, error) {
		in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)}
		if stage != "" {
			in.VersionStage = &stage
		}
		out, err := client.GetSecretValue(t.Context(), in)
		if err != nil {
			return "", err
		}
		require.False(t, out.CreatedDate.IsZero())
		return *out.SecretString, nil
	}
	_, err := get("")
	require.Equal(t, "ResourceNotFoundException", code(t, err))
	for i, value := range []string{"one", "two", "three"} {
		versions.Put(cloud.SecretVersion{ID: value, Text: value, Created: time.Unix(int64(i+1), 0)})
	}
	for stage, want := range map[string]string{"": "three", "AWSCURRENT": "three", "AWSPREVIOUS": "two"} {
		got, err := get(stage)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = get("AWSPENDING")
	require.Equal(t, "ResourceNotFoundException", code(t, err))
}

package receiver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"delivery.internal/lib/contract"
)

// refreshAfter is the shortest time between two reads of the secret.
const refreshAfter = time.Minute

// SecretsAPI is the part of Secrets Manager that SecretCache uses.
type SecretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// SecretCache is Secrets over Secrets Manager: the secret is read once and
// kept, and read again at most once a minute.
type SecretCache struct {
	API SecretsAPI
	ID  string
	Now func() time.Time

	mu     sync.Mutex
	secret []byte
	tried  time.Time
}

// Current implements Secrets.
func (c *SecretCache) Current(ctx context.Context) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secret != nil {
		return c.secret, nil
	}
	return c.read(ctx)
}

// Refresh implements Secrets.
func (c *SecretCache) Refresh(ctx context.Context) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Now().Sub(c.tried) < refreshAfter {
		return c.secret, false, nil
	}
	secret, err := c.read(ctx)
	return secret, err == nil, err
}

func (c *SecretCache) read(ctx context.Context) ([]byte, error) {
	c.tried = c.Now()
	out, err := c.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(c.ID)})
	if err != nil {
		return nil, err
	}
	if aws.ToString(out.SecretString) == "" {
		return nil, fmt.Errorf("secret %s is empty", c.ID)
	}
	c.secret = []byte(*out.SecretString)
	return c.secret, nil
}

// TableAPI is the part of DynamoDB that Table uses.
type TableAPI interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// Table is Claims over a DynamoDB table.
type Table struct {
	API  TableAPI
	Name string
}

// Claim implements Claims: of two that come at once, DynamoDB lets one win.
func (t Table) Claim(ctx context.Context, id string, until time.Time) (bool, error) {
	_, err := t.API.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(t.Name),
		Item: map[string]dbtypes.AttributeValue{
			contract.DeliveriesKey: &dbtypes.AttributeValueMemberS{Value: id},
			contract.DeliveriesTTL: &dbtypes.AttributeValueMemberN{Value: strconv.FormatInt(until.Unix(), 10)},
		},
		ConditionExpression: aws.String("attribute_not_exists(" + contract.DeliveriesKey + ")"),
	})
	var taken *dbtypes.ConditionalCheckFailedException
	if errors.As(err, &taken) {
		return false, nil
	}
	return err == nil, err
}

// Release implements Claims.
func (t Table) Release(ctx context.Context, id string) error {
	_, err := t.API.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(t.Name),
		Key:       map[string]dbtypes.AttributeValue{contract.DeliveriesKey: &dbtypes.AttributeValueMemberS{Value: id}},
	})
	return err
}

// EventsAPI is the part of EventBridge that EventBus uses.
type EventsAPI interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// EventBus is Bus over an EventBridge event bus.
type EventBus struct {
	API  EventsAPI
	Name string
}

// Publish implements Bus. PutEvents answers 200 also where it took nothing:
// FailedEntryCount tells.
func (b EventBus) Publish(ctx context.Context, detail []byte) error {
	out, err := b.API.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: aws.String(b.Name),
		Source:       aws.String(contract.PushSource),
		DetailType:   aws.String(contract.PushDetailType),
		Detail:       aws.String(string(detail)),
	}}})
	if err != nil {
		return err
	}
	if out.FailedEntryCount == 0 {
		return nil
	}
	for _, e := range out.Entries {
		if e.ErrorCode != nil {
			return fmt.Errorf("bus %s refused the event: %s: %s", b.Name, *e.ErrorCode, aws.ToString(e.ErrorMessage))
		}
	}
	return fmt.Errorf("bus %s refused %d events without saying why", b.Name, out.FailedEntryCount)
}

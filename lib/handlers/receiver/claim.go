package receiver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"delivery.internal/lib/contract"
)

const (
	// leaseAge is how long a claim keeps others away that was not published:
	// longer than the function may run, so that its holder is dead by then.
	leaseAge = 30 * time.Second
	// claimAge is how long an accepted body is remembered: longer than maxAge,
	// so that no body is forgotten before it is too old.
	claimAge = 60 * 24 * time.Hour
)

// Attributes of the table of deliveries, beside those of contract.
const (
	tableDelivery  = "delivery"  // id of the first delivery of the body
	tableHolder    = "holder"    // who claimed it last, a random text
	tableLease     = "lease"     // end of the lease, in seconds
	tablePublished = "published" // when it was published, in seconds; missing until then
)

// claimable is true for a body that is new, or whose holder died: a lease that
// has ended without a publication. It is true for the holder as well, because
// the SDK repeats a request whose answer was lost.
const claimable = "attribute_not_exists(" + contract.DeliveriesKey + ") OR attribute_not_exists(" + tablePublished + ") AND (" + tableLease + " < :now OR " + tableHolder + " = :holder)"

// TableAPI is the part of DynamoDB that Table uses.
type TableAPI interface {
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// Table is Claims over a DynamoDB table.
type Table struct {
	API  TableAPI
	Name string
}

// Claim implements Claims: of two that come at once, DynamoDB lets one win.
func (t Table) Claim(ctx context.Context, id, delivery string, now time.Time) (Claim, error) {
	holder := rand.Text()
	out, err := t.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(t.Name),
		Key:       key(id),
		UpdateExpression: aws.String("SET " + tableDelivery + " = if_not_exists(" + tableDelivery + ", :delivery), " +
			tableHolder + " = :holder, " + tableLease + " = :lease, " + contract.DeliveriesTTL + " = :expires"),
		ConditionExpression: aws.String(claimable),
		ExpressionAttributeValues: map[string]dbtypes.AttributeValue{
			":delivery": text(delivery), ":holder": text(holder), ":now": seconds(now),
			":lease": seconds(now.Add(leaseAge)), ":expires": seconds(now.Add(claimAge)),
		},
		ReturnValues:                        dbtypes.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: dbtypes.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var taken *dbtypes.ConditionalCheckFailedException
	if errors.As(err, &taken) {
		return refusedClaim(taken.Item)
	}
	if err != nil {
		return Claim{}, err
	}
	first, ok := out.Attributes[tableDelivery].(*dbtypes.AttributeValueMemberS)
	if !ok {
		return Claim{}, fmt.Errorf("the item %s of table %s has no attribute %q: expected the id of its first delivery", id, t.Name, tableDelivery)
	}
	return Claim{State: Claimed, ID: id, Delivery: first.Value, holder: holder}, nil
}

// refusedClaim reads the item that kept a claim from being made.
func refusedClaim(item map[string]dbtypes.AttributeValue) (Claim, error) {
	if _, published := item[tablePublished]; published {
		return Claim{State: Published}, nil
	}
	lease, _ := item[tableLease].(*dbtypes.AttributeValueMemberN)
	if lease == nil {
		return Claim{}, fmt.Errorf("the table of deliveries holds an item that is neither published nor leased: remove it and deliver again")
	}
	until, err := strconv.ParseInt(lease.Value, 10, 64)
	return Claim{State: Leased, Until: time.Unix(until, 0)}, err
}

// Publish implements Claims.
func (t Table) Publish(ctx context.Context, c Claim, now time.Time) error {
	_, err := t.API.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 aws.String(t.Name),
		Key:                       key(c.ID),
		UpdateExpression:          aws.String("SET " + tablePublished + " = :now"),
		ConditionExpression:       aws.String(tableHolder + " = :holder"),
		ExpressionAttributeValues: map[string]dbtypes.AttributeValue{":now": seconds(now), ":holder": text(c.holder)},
	})
	return err
}

func key(id string) map[string]dbtypes.AttributeValue {
	return map[string]dbtypes.AttributeValue{contract.DeliveriesKey: text(id)}
}

func text(s string) dbtypes.AttributeValue { return &dbtypes.AttributeValueMemberS{Value: s} }

func seconds(t time.Time) dbtypes.AttributeValue {
	return &dbtypes.AttributeValueMemberN{Value: strconv.FormatInt(t.Unix(), 10)}
}

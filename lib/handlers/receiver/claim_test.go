package receiver_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/handlers/receiver"
)

// claims is Claims in memory, by the rules of its documentation.
type claims struct {
	now        time.Time
	err        error // of Claim
	publishErr error
	items      map[string]*item
}

type item struct {
	receiver.Claim
	until     time.Time
	published bool
}

func newClaims() *claims { return &claims{now: now, items: map[string]*item{}} }

func (c *claims) Claim(_ context.Context, id, delivery string, now time.Time) (receiver.Claim, error) {
	i := c.items[id]
	switch {
	case c.err != nil:
		return receiver.Claim{}, c.err
	case i == nil:
		i = &item{Claim: receiver.Claim{State: receiver.Claimed, ID: id, Delivery: delivery}}
		c.items[id] = i
	case i.published:
		return receiver.Claim{State: receiver.Published}, nil
	case now.Before(i.until):
		return receiver.Claim{State: receiver.Leased, Until: i.until}, nil
	}
	i.until = now.Add(30 * time.Second)
	return i.Claim, nil
}

func (c *claims) Publish(_ context.Context, claim receiver.Claim, _ time.Time) error {
	if c.publishErr == nil {
		c.items[claim.ID].published = true
	}
	return c.publishErr
}

func (c *claims) done() (ids []string) {
	for id, i := range c.items {
		if i.published {
			ids = append(ids, id)
		}
	}
	return ids
}

// deliver delivers the push and returns the status and the answer.
func (c *cloud) deliver(t *testing.T, delivery string) (int, string) {
	t.Helper()
	got, err := c.handler().Handle(t.Context(), request(push(map[string]any{}), with("x-github-delivery", delivery)))
	require.NoError(t, err)
	return got.StatusCode, got.Body
}

const (
	first  = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
	second = "73d3162e-cc78-11e3-81ab-4c9367dc0958"
)

func TestADeliveryThatTheBusRefusedIsPublishedAfterItsLease(t *testing.T) {
	t.Parallel()
	world := newCloud()
	world.publishErr = errors.New("refused")
	status, body := world.deliver(t, first)
	require.Equal(t, 502, status)
	require.Contains(t, body, "deliver it again in 30s")
	world.publishErr = nil
	status, body = world.deliver(t, first)
	require.Equal(t, 503, status)
	require.Contains(t, body, "deliver it again after 2026-03-01T12:00:30Z")
	require.Empty(t, world.published)
	world.claims.now = now.Add(30 * time.Second)
	status, _ = world.deliver(t, first)
	require.Equal(t, 202, status)
	status, _ = world.deliver(t, first)
	require.Equal(t, 200, status)
	require.Len(t, world.published, 1)
}

// The function dies after the claim: the next delivery of the body is made
// known under the id of the first, which may have been published.
func TestWhoTakesOverPublishesUnderTheFirstDelivery(t *testing.T) {
	t.Parallel()
	world := newCloud()
	world.claims.publishErr = errors.New("gone")
	status, _ := world.deliver(t, first)
	require.Equal(t, 202, status, "the event is on its way")
	world.claims.now, world.claims.publishErr = now.Add(time.Minute), nil
	status, _ = world.deliver(t, second)
	require.Equal(t, 202, status)
	require.Len(t, world.published, 2)
	require.Equal(t, string(world.published[0]), string(world.published[1]))
	var p contract.Push
	require.NoError(t, json.Unmarshal(world.published[1], &p))
	require.Equal(t, first, p.Delivery)
}

func TestAnUnknownStateOfAClaimPublishesNothing(t *testing.T) {
	t.Parallel()
	world := newCloud()
	_, _ = world.deliver(t, first)
	for _, i := range world.claims.items {
		i.published, i.until, i.State = false, time.Time{}, 0
	}
	status, _ := world.deliver(t, first)
	require.Equal(t, 500, status)
	require.Len(t, world.published, 1)
}

// table answers one UpdateItem.
type table struct {
	err error
	out map[string]dbtypes.AttributeValue
	in  *dynamodb.UpdateItemInput
}

func (d *table) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	d.in = in
	return &dynamodb.UpdateItemOutput{Attributes: d.out}, d.err
}

func s(v string) dbtypes.AttributeValue { return &dbtypes.AttributeValueMemberS{Value: v} }
func n(v string) dbtypes.AttributeValue { return &dbtypes.AttributeValueMemberN{Value: v} }

func TestAClaimIsConditionalAndExpires(t *testing.T) {
	t.Parallel()
	db := &table{out: map[string]dbtypes.AttributeValue{"delivery": s(first)}}
	claim, err := receiver.Table{API: db, Name: "deliveries"}.Claim(t.Context(), "x", second, time.Unix(1000, 0))
	require.NoError(t, err)
	require.Equal(t, receiver.Claimed, claim.State)
	require.Equal(t, first, claim.Delivery)
	require.Equal(t, "attribute_not_exists(id) OR attribute_not_exists(published) AND (lease < :now OR holder = :holder)", *db.in.ConditionExpression)
	values := db.in.ExpressionAttributeValues
	require.Equal(t, n("1000"), values[":now"])
	require.Equal(t, n("1030"), values[":lease"])
	require.Equal(t, n("5185000"), values[":expires"], "60 days, longer than a push is believed")
	require.Equal(t, s(second), values[":delivery"])
	holder := values[":holder"]

	require.NoError(t, receiver.Table{API: db, Name: "deliveries"}.Publish(t.Context(), claim, time.Unix(1001, 0)))
	require.Equal(t, "holder = :holder", *db.in.ConditionExpression)
	require.Equal(t, holder, db.in.ExpressionAttributeValues[":holder"])
}

func TestARefusedClaimSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		item map[string]dbtypes.AttributeValue
		want receiver.Claim
		err  string
	}{
		"published":      {item: map[string]dbtypes.AttributeValue{"published": n("1"), "lease": n("2")}, want: receiver.Claim{State: receiver.Published}},
		"leased":         {item: map[string]dbtypes.AttributeValue{"lease": n("1030")}, want: receiver.Claim{State: receiver.Leased, Until: time.Unix(1030, 0)}},
		"neither":        {item: map[string]dbtypes.AttributeValue{"id": s("x")}, err: "neither published nor leased"},
		"a lease of air": {item: map[string]dbtypes.AttributeValue{"lease": n("soon")}, want: receiver.Claim{State: receiver.Leased, Until: time.Unix(0, 0)}, err: "invalid syntax"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := &table{err: &dbtypes.ConditionalCheckFailedException{Item: c.item}}
			got, err := receiver.Table{API: db, Name: "deliveries"}.Claim(t.Context(), "x", first, now)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	_, err := receiver.Table{API: &table{err: errors.New("throttled")}}.Claim(t.Context(), "x", first, now)
	require.ErrorContains(t, err, "throttled")
	_, err = receiver.Table{API: &table{}}.Claim(t.Context(), "x", first, now)
	require.ErrorContains(t, err, `has no attribute "delivery"`)
}

func TestChangedPathsAreTheFirstOfAllInOrder(t *testing.T) {
	t.Parallel()
	var paths []string
	for i := range 300 {
		paths = append(paths, strings.Repeat("x", 300-i))
	}
	for range 3 {
		world := newCloud()
		_, err := world.handler().Handle(t.Context(), request(push(map[string]any{"commits": []any{map[string]any{"added": paths}, map[string]any{"modified": paths}}}), nil))
		require.NoError(t, err)
		var p contract.Push
		require.NoError(t, json.Unmarshal(world.published[0], &p))
		require.Len(t, p.Paths, 200)
		require.Equal(t, "x", p.Paths[0])
		require.Equal(t, strings.Repeat("x", 200), p.Paths[199])
		require.True(t, p.MorePaths)
	}
}

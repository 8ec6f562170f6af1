package awsapi

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"delivery.internal/lib/aws/dynamodb"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// itemRequest is a request of DynamoDB about one item.
type itemRequest struct {
	TableName                                         string
	Item, Key                                         dynamodb.Item
	ConditionExpression, UpdateExpression             string
	ExpressionAttributeNames                          map[string]string
	ExpressionAttributeValues                         map[string]dynamodb.Value
	ReturnValues, ReturnValuesOnConditionCheckFailure string
}

// items are what a table holds, by the value of its hash key.
type items map[string]dynamodb.Item

// row is an item of a table, which need not exist.
type row struct {
	items     items
	hash, key string // name and value of the hash key
	in        itemRequest
	compiled  dynamodb.Compiled
}

// row authorises a call and finds the item that it is about: the one with the
// key in what attributes returns of the request.
func (s *Server) row(r *request, action string, attributes func(*itemRequest) dynamodb.Item) (*row, error) {
	out := &row{}
	if err := r.bind(&out.in); err != nil {
		return nil, err
	}
	arn := r.own("dynamodb", "table/", out.in.TableName)
	if err := s.authorize(r, action, arn, nil); err != nil {
		return nil, err
	}
	t := s.cloud.ByARN(arn)
	if t == nil || t.Type != typetoken.Table {
		return nil, fail(http.StatusBadRequest, "ResourceNotFoundException", "Requested resource not found: Table: %s not found", out.in.TableName)
	}
	out.hash = t.Str("hashKey")
	out.key, _ = attributes(&out.in)[out.hash]["S"].(string)
	if out.key == "" {
		return nil, fail(http.StatusBadRequest, "ValidationException", "One or more parameter values were invalid: Missing the key %s in the item", out.hash)
	}
	out.items = cloud.DataOf(s.cloud, t, func() items { return items{} })
	var err error
	out.compiled, err = dynamodb.Expressions{
		Condition: out.in.ConditionExpression, Update: out.in.UpdateExpression,
		Names: out.in.ExpressionAttributeNames, Values: out.in.ExpressionAttributeValues,
	}.Compile()
	switch {
	case errors.Is(err, dynamodb.ErrNotPlayed):
		return nil, fail(http.StatusNotImplemented, "NotImplemented", "the local cloud does not play this expression: %v", err)
	case err != nil:
		return nil, fail(http.StatusBadRequest, "ValidationException", "%v", err)
	}
	return out, nil
}

// write puts an item, if the condition holds, and returns what was asked for.
func (w *row) write(action string, change func(old dynamodb.Item) dynamodb.Item) (any, error) {
	old := w.items[w.key]
	if !w.compiled.Holds(old) {
		failed := fail(http.StatusBadRequest, "ConditionalCheckFailedException", "The conditional request failed")
		if w.in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && old != nil {
			failed.More = map[string]any{"Item": old}
		}
		return nil, failed
	}
	out := map[string]any{}
	fresh := change(old)
	switch asked := w.in.ReturnValues; {
	case asked == "" || asked == "NONE":
	case asked == "ALL_OLD":
		if old != nil {
			out["Attributes"] = old
		}
	case asked == "ALL_NEW" && action == "UpdateItem":
		out["Attributes"] = fresh
	default:
		return nil, fail(http.StatusNotImplemented, "NotImplemented", "the local cloud does not play %s with the return values %q", action, asked)
	}
	if fresh == nil {
		delete(w.items, w.key)
	} else {
		w.items[w.key] = fresh
	}
	return out, nil
}

func theItem(in *itemRequest) dynamodb.Item { return in.Item }
func theKey(in *itemRequest) dynamodb.Item  { return in.Key }

func (s *Server) putItem(r *request) (any, error) {
	w, err := s.row(r, "dynamodb:PutItem", theItem)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.write("PutItem", func(dynamodb.Item) dynamodb.Item { return maps.Clone(w.in.Item) })
}

// updateItem: "Edits an existing item's attributes, or adds a new item to the
// table if it does not already exist." See
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
func (s *Server) updateItem(r *request) (any, error) {
	w, err := s.row(r, "dynamodb:UpdateItem", theKey)
	if err != nil {
		return nil, err
	}
	if slices.Contains(w.compiled.Sets(), w.hash) {
		return nil, fail(http.StatusBadRequest, "ValidationException", "One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", w.hash)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.write("UpdateItem", func(old dynamodb.Item) dynamodb.Item {
		fresh := w.compiled.Apply(old)
		maps.Copy(fresh, w.in.Key)
		return fresh
	})
}

func (s *Server) getItem(r *request) (any, error) {
	w, err := s.row(r, "dynamodb:GetItem", theKey)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.items[w.key] == nil {
		return map[string]any{}, nil
	}
	return map[string]any{"Item": w.items[w.key]}, nil
}

func (s *Server) deleteItem(r *request) (any, error) {
	w, err := s.row(r, "dynamodb:DeleteItem", theKey)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.write("DeleteItem", func(dynamodb.Item) dynamodb.Item { return nil })
}

package awsapi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/rehearsal/cloud"
)

// Types of the resources behind these services.
const (
	parameterType = "aws:ssm/parameter:Parameter"
	secretType    = "aws:secretsmanager/secret:Secret"
	versionType   = "aws:secretsmanager/secretVersion:SecretVersion"
	tableType     = "aws:dynamodb/table:Table"
	busType       = "aws:cloudwatch/eventBus:EventBus"
)

func (r *request) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + cloud.Region + ":" + r.session.Account + ":" + resource
}

// own turns a name or an ARN into an ARN.
func (r *request) own(service, prefix, nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	return r.arn(service, prefix+strings.TrimPrefix(nameOrARN, "/"))
}

func (s *Server) getParameter(r *request) (any, error) {
	var in struct{ Name string }
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	arn := r.own("ssm", "parameter/", in.Name)
	if err := s.authorize(r, "ssm:GetParameter", arn, nil); err != nil {
		return nil, err
	}
	p := s.cloud.ByARN(arn)
	if p == nil {
		return nil, fail(http.StatusBadRequest, "ParameterNotFound", "parameter %s does not exist", in.Name)
	}
	return map[string]any{"Parameter": map[string]any{"Name": p.Name, "Type": p.Str("type"), "Value": p.Str("value"), "ARN": p.ARN, "Version": version(p)}}, nil
}

// version is the number of a parameter's newest value, which begins with 1. See
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-versions.html
func version(p *cloud.Resource) float64 {
	n, _ := p.Value("version").(float64)
	return max(n, 1)
}

func (s *Server) putParameter(r *request) (any, error) {
	var in struct {
		Name, Value, Type string
		Overwrite         bool
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	arn := r.own("ssm", "parameter/", in.Name)
	if err := s.authorize(r, "ssm:PutParameter", arn, nil); err != nil {
		return nil, err
	}
	p := s.cloud.ByARN(arn)
	switch {
	case in.Value == "":
		return nil, fail(http.StatusBadRequest, "ValidationException", "Parameter value can't be empty")
	case p == nil:
		return nil, fail(http.StatusBadRequest, "ParameterNotFound", "parameter %s does not exist: Pulumi makes it", in.Name)
	case !in.Overwrite:
		return nil, fail(http.StatusBadRequest, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	var written float64
	s.cloud.Update(p.Account, p.Type, p.ID, func(p *cloud.Resource) {
		written = version(p) + 1
		p.Outputs = maps.Clone(p.Outputs)
		p.Outputs["value"], p.Outputs["version"] = in.Value, written
	})
	s.cloud.Journal.Add(cloud.Event{Kind: "parameter", Subject: in.Name, Message: "set by " + r.session.ARN()})
	return map[string]any{"Version": written, "Tier": "Standard"}, nil
}

func (s *Server) getSecretValue(r *request) (any, error) {
	var in struct{ SecretId string }
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	secret := s.cloud.First("", secretType, func(x *cloud.Resource) bool {
		return x.ARN == in.SecretId || x.Name == in.SecretId && x.Account == r.session.Account
	})
	arn := in.SecretId
	if secret != nil {
		arn = secret.ARN
	}
	if err := s.authorize(r, "secretsmanager:GetSecretValue", arn, map[string][]string{"secretsmanager:SecretId": {arn}}); err != nil {
		return nil, err
	}
	if secret == nil {
		return nil, fail(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	versions := s.cloud.Find(secret.Account, versionType, func(v *cloud.Resource) bool { return v.Str("secretId") == secret.ID })
	if len(versions) == 0 {
		return nil, fail(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	}
	if key := secret.Str("kmsKeyId"); key != "" {
		// See "Secret encryption and decryption in AWS Secrets Manager".
		err := s.authorize(r, "kms:Decrypt", key, map[string][]string{
			"kms:ViaService": {"secretsmanager." + cloud.Region + ".amazonaws.com"}, "kms:CallerAccount": {r.session.Account},
			"kms:EncryptionContext:SecretARN": {secret.ARN}, "kms:EncryptionContextKeys": {"SecretARN", "SecretVersionId"},
		})
		if err != nil {
			return nil, err
		}
	}
	// AWSCURRENT moves to a new version: see PutSecretValue,
	// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
	current := versions[len(versions)-1]
	return map[string]any{"ARN": secret.ARN, "Name": secret.Name, "VersionId": current.ID, "SecretString": current.Str("secretString"), "VersionStages": []string{"AWSCURRENT"}}, nil
}

// item is a request of DynamoDB.
type item struct {
	TableName           string
	Item, Key           map[string]map[string]any
	ConditionExpression string
}

// items are what a table holds, by the value of its hash key.
type items map[string]map[string]any

// row authorises a call and finds the table's items and the key of one of
// them, which attributes holds once the request is read.
func (s *Server) row(r *request, action string, in *item, attributes *map[string]map[string]any) (all items, key string, err error) {
	if err := r.bind(in); err != nil {
		return nil, "", err
	}
	arn := r.own("dynamodb", "table/", in.TableName)
	if err := s.authorize(r, action, arn, nil); err != nil {
		return nil, "", err
	}
	t := s.cloud.ByARN(arn)
	if t == nil || t.Type != tableType {
		return nil, "", fail(http.StatusBadRequest, "ResourceNotFoundException", "Requested resource not found: Table: %s not found", in.TableName)
	}
	hash := t.Str("hashKey")
	key, ok := (*attributes)[hash]["S"].(string)
	if !ok || key == "" {
		return nil, "", fail(http.StatusBadRequest, "ValidationException", "One or more parameter values were invalid: Missing the key %s in the item", hash)
	}
	return cloud.DataOf(s.cloud, t, func() items { return items{} }), key, nil
}

// condition is the only one that is played.
var condition = regexp.MustCompile(`^attribute_not_exists\((\w+)\)$`)

func (s *Server) putItem(r *request) (any, error) {
	var in item
	items, key, err := s.row(r, "dynamodb:PutItem", &in, &in.Item)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.ConditionExpression != "" {
		m := condition.FindStringSubmatch(in.ConditionExpression)
		if m == nil {
			return nil, fail(http.StatusNotImplemented, "ValidationException", "the local cloud does not play the condition %q", in.ConditionExpression)
		}
		if old := items[key]; old != nil && old[m[1]] != nil {
			return nil, fail(http.StatusBadRequest, "ConditionalCheckFailedException", "The conditional request failed")
		}
	}
	stored := map[string]any{}
	for k, v := range in.Item {
		stored[k] = v
	}
	items[key] = stored
	return map[string]any{}, nil
}

func (s *Server) getItem(r *request) (any, error) {
	var in item
	items, key, err := s.row(r, "dynamodb:GetItem", &in, &in.Key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if items[key] == nil {
		return map[string]any{}, nil
	}
	return map[string]any{"Item": items[key]}, nil
}

func (s *Server) deleteItem(r *request) (any, error) {
	var in item
	items, key, err := s.row(r, "dynamodb:DeleteItem", &in, &in.Key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(items, key)
	return map[string]any{}, nil
}

// Limits of PutEvents, from the EventBridge API.
const (
	maxEntries    = 10
	maxEntryBytes = 256 * 1024
)

func (s *Server) putEvents(r *request) (any, error) {
	var in struct {
		Entries []struct {
			Source, DetailType, Detail, EventBusName string
			Resources                                []string
		}
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	if n := len(in.Entries); n < 1 || n > maxEntries {
		return nil, fail(http.StatusBadRequest, "ValidationException", "%d entries: expected 1 to %d", n, maxEntries)
	}
	// A request is judged once for each bus, with the sources and detail types
	// of all its events, and refused as a whole. See
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
	var buses []string
	context := map[string][]string{}
	for _, e := range in.Entries {
		buses = appendNew(buses, r.bus(e.EventBusName))
		context["events:source"] = appendNew(context["events:source"], e.Source)
		context["events:detail-type"] = appendNew(context["events:detail-type"], e.DetailType)
	}
	for _, arn := range buses {
		if err := s.authorize(r, "events:PutEvents", arn, context); err != nil {
			return nil, err
		}
	}
	results, failed := []map[string]any{}, 0
	for _, e := range in.Entries {
		arn := r.bus(e.EventBusName)
		id, err := s.putEvent(Event{
			Account: strings.Split(arn, ":")[4], Bus: arn[strings.LastIndex(arn, "event-bus/")+len("event-bus/"):],
			Source: e.Source, DetailType: e.DetailType, Detail: e.Detail, Resources: e.Resources,
		}, arn)
		var known *apiError
		if errors.As(err, &known) {
			failed++
			results = append(results, map[string]any{"ErrorCode": known.Code, "ErrorMessage": known.Message})
			continue
		}
		if err != nil {
			return nil, err
		}
		results = append(results, map[string]any{"EventId": id})
	}
	return map[string]any{"FailedEntryCount": failed, "Entries": results}, nil
}

// bus is the ARN of a bus that is given by name or ARN; nothing means the
// default bus.
func (r *request) bus(name string) string {
	if name == "" {
		name = "default"
	}
	return r.own("events", "event-bus/", name)
}

// appendNew keeps a list free of what it holds already, and of nothing.
func appendNew(list []string, value string) []string {
	if value == "" || slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

func (s *Server) putEvent(e Event, arn string) (string, error) {
	var detail map[string]any
	switch {
	case e.Source == "" || e.DetailType == "":
		return "", fail(http.StatusBadRequest, "InvalidArgument", "Parameter Source and DetailType are required")
	case strings.HasPrefix(e.Source, "aws."):
		return "", fail(http.StatusBadRequest, "NotAuthorizedForSourceException", "sources that begin with aws. are reserved")
	case json.Unmarshal([]byte(e.Detail), &detail) != nil:
		return "", fail(http.StatusBadRequest, "MalformedDetail", "Detail is malformed.")
	case len(e.Source)+len(e.DetailType)+len(e.Detail) > maxEntryBytes:
		return "", fail(http.StatusBadRequest, "ValidationException", "Total size of the entries in the request is over the limit.")
	case e.Bus != "default" && s.cloud.First("", busType, func(b *cloud.Resource) bool { return b.ARN == arn }) == nil:
		return "", fail(http.StatusBadRequest, "ResourceNotFoundException", "Event bus %s does not exist.", e.Bus)
	}
	return s.backend.PutEvent(e)
}

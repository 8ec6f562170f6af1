package awsapi

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/eventbridge"
	"delivery.internal/lib/aws/ssm"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func (r *request) arn(service, resource string) string {
	return cloud.ARN(service, r.session.Account, resource)
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
	return map[string]any{"Parameter": map[string]any{"Name": p.Name, "Type": p.Str("type"), "Value": p.Str("value"), "ARN": p.ARN, "Version": p.Value("version")}}, nil
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
	var version float64
	s.cloud.Update(p.Account, p.Type, p.ID, func(p *cloud.Resource) {
		version = ssm.NextVersion(p.Value("version"))
		p.Outputs = maps.Clone(p.Outputs)
		p.Outputs["value"], p.Outputs["version"] = in.Value, version
	})
	s.cloud.Journal.Add(cloud.Event{Kind: "parameter", Subject: in.Name, Message: "set by " + r.session.ARN()})
	return map[string]any{"Version": version, "Tier": "Standard"}, nil
}

// getSecretValue: see
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (s *Server) getSecretValue(r *request) (any, error) {
	var in struct{ SecretId, VersionStage, VersionId string }
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	secret := s.cloud.First("", typetoken.Secret, func(x *cloud.Resource) bool {
		return x.ARN == in.SecretId || x.Name == in.SecretId && x.Account == r.session.Account
	})
	arn := in.SecretId
	if secret != nil {
		arn = secret.ARN
	}
	context := map[string][]string{"secretsmanager:SecretId": {arn}}
	if in.VersionStage != "" {
		context["secretsmanager:VersionStage"] = []string{in.VersionStage}
	}
	if err := s.authorize(r, "secretsmanager:GetSecretValue", arn, context); err != nil {
		return nil, err
	}
	switch {
	case secret == nil:
		return nil, fail(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	case in.VersionId != "":
		return nil, fail(http.StatusNotImplemented, "NotImplemented", "the local cloud does not play VersionId")
	}
	stage := cmp.Or(in.VersionStage, cloud.CurrentStage)
	version, ok := s.cloud.SecretVersions(secret).At(stage)
	if !ok {
		return nil, fail(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
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
	return map[string]any{
		"ARN": secret.ARN, "Name": secret.Name, "VersionId": version.ID, "SecretString": version.Text,
		"VersionStages": []string{stage}, "CreatedDate": seconds(version.Created),
	}, nil
}

func (s *Server) putEvents(r *request) (any, error) {
	var in struct {
		Entries []struct {
			Source, DetailType, Detail, EventBusName string
			Resources                                []string
			Time                                     any
		}
	}
	if err := r.bind(&in); err != nil {
		return nil, err
	}
	var entries []eventbridge.Entry
	for _, e := range in.Entries {
		entries = append(entries, eventbridge.Entry{Source: e.Source, DetailType: e.DetailType, Detail: e.Detail, Resources: e.Resources, Timed: e.Time != nil})
	}
	if err := eventbridge.CheckRequest(entries); err != nil {
		return nil, err
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
			Account: arns.Of(arn).Account, Bus: eventbridge.BusName(arn),
			Source: e.Source, DetailType: e.DetailType, Detail: e.Detail, Resources: e.Resources,
		})
		var known *apierr.Error
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

// bus is the ARN of a bus that is given by name or ARN.
func (r *request) bus(ref string) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	return r.arn("events", "event-bus/"+eventbridge.BusName(ref))
}

// appendNew keeps a list free of what it holds already, and of nothing.
func appendNew(list []string, value string) []string {
	if value == "" || slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

func (s *Server) putEvent(e Event) (string, error) {
	if err := e.Entry().Check(); err != nil {
		return "", err
	}
	return s.backend.PutEvent(e)
}

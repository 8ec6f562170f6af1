package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/rehearsal/cloud"
)

func formValue(body []byte, key string) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get(key)
}

func (s *Server) getCallerIdentity(r *request) (any, error) {
	return queryResult(fmt.Sprintf(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>%s</Arn><UserId>AROA:%s</UserId><Account>%s</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
		r.session.ARN(), xmlText(r.session.Name), r.session.Account)), nil
}

func (s *Server) assumeRole(r *request) (any, error) {
	get := func(k string) string { return formValue(r.body, k) }
	role, name, external, lifetime := get("RoleArn"), get("RoleSessionName"), get("ExternalId"), time.Hour
	if !awsname.Session.Allows(name) {
		return nil, fail(http.StatusBadRequest, "ValidationError", "roleSessionName %q must have 2 to 64 characters and match %s", name, awsname.Session.Pattern)
	}
	if external != "" && !awsname.ExternalID.Allows(external) {
		return nil, fail(http.StatusBadRequest, "ValidationError", "externalId must have 2 to 1224 characters and match %s", awsname.ExternalID.Pattern)
	}
	if d := get("DurationSeconds"); d != "" {
		n, err := strconv.Atoi(d)
		if err != nil || n < 900 || n > 43200 {
			return nil, fail(http.StatusBadRequest, "ValidationError", "durationSeconds is %s: expected 900 to 43200", d)
		}
		lifetime = time.Duration(n) * time.Second
	}
	made, err := s.cloud.AssumeRole(r.session, role, name, external, lifetime)
	var denied *cloud.Denied
	if errors.As(err, &denied) {
		return nil, apierr.Denied("sts", denied.Error())
	}
	if err != nil {
		return nil, err
	}
	return queryResult(fmt.Sprintf(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><Arn>%s</Arn><AssumedRoleId>AROA:%s</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></AssumeRoleResponse>`,
		made.ARN(), xmlText(name), made.AccessKeyID, made.SecretKey, made.Token, made.Expires.UTC().Format(time.RFC3339))), nil
}

package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"delivery.internal/lib/aws/apierr"
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

// Patterns of AssumeRole's parameters, from the STS API. An external id has 2
// to 1224 characters, which is more than a pattern can count.
var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:\\/-]+$`)
)

func (s *Server) assumeRole(r *request) (any, error) {
	get := func(k string) string { return formValue(r.body, k) }
	role, name, external, lifetime := get("RoleArn"), get("RoleSessionName"), get("ExternalId"), time.Hour
	if !sessionName.MatchString(name) {
		return nil, fail(http.StatusBadRequest, "ValidationError", "roleSessionName %q must match %s", name, sessionName)
	}
	if external != "" && (len(external) < 2 || len(external) > 1224 || !externalID.MatchString(external)) {
		return nil, fail(http.StatusBadRequest, "ValidationError", "externalId must have 2 to 1224 characters and match %s", externalID)
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
		return nil, fail(http.StatusBadRequest, "ValidationError", "%v", err)
	}
	return queryResult(fmt.Sprintf(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><Arn>%s</Arn><AssumedRoleId>AROA:%s</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></AssumeRoleResponse>`,
		made.ARN(), xmlText(name), made.AccessKeyID, made.SecretKey, made.Token, made.Expires.UTC().Format(time.RFC3339))), nil
}

// Package apierr is an error as AWS's APIs report it: an HTTP status, a code
// and a sentence.
package apierr

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "S3 reports a denied call as AccessDenied with the status 403 and an expired token as ExpiredToken.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
		Enforced: "Denied, Expired",
	},
	{
		Rule:     "The query protocol (STS, SNS) reports a denied call as AccessDenied and an expired token as ExpiredToken.",
		Page:     "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html",
		Enforced: "Denied, Expired",
	},
	{
		Rule:     "The JSON protocol reports a denied call as AccessDeniedException and an expired token as ExpiredTokenException.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html",
		Enforced: "Denied, Expired",
	},
}

// Error is an error of an API.
type Error struct {
	Status  int
	Code    string
	Message string
	// More are further members of the answer.
	More map[string]any
}

// Error implements error, in the form in which the SDKs and the provider print it.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// New returns an error of a status.
func New(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// BadRequest returns an error of the status 400, which most of AWS's errors have.
func BadRequest(code, format string, args ...any) *Error {
	return New(http.StatusBadRequest, code, format, args...)
}

// CodeOf is the code of an error, "" where it has none.
func CodeOf(err error) string {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// briefly are the services whose codes have no Exception at the end: those of
// the REST-XML and of the query protocol.
var briefly = map[string]bool{"s3": true, "sts": true, "sns": true}

func coded(service, code string) string {
	if briefly[service] {
		return code
	}
	return code + "Exception"
}

// Denied is a service's answer to a call that no policy allows. What the
// policies said is put into the service's words.
func Denied(service, reason string) *Error {
	code := coded(service, "AccessDenied")
	return New(http.StatusForbidden, code, "%s", strings.TrimPrefix(reason, "AccessDenied: "))
}

// Expired is a service's answer to credentials of the past.
func Expired(service string) *Error {
	return BadRequest(coded(service, "ExpiredToken"), "The provided token has expired.")
}

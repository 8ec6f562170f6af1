package awsapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/rehearsal/cloud"
)

// signature is the Authorization header of Signature Version 4. See "Create a
// signed AWS API request" in the IAM user guide.
type signature struct {
	accessKey, date, region, service string
	signed                           []string
	value                            string
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/([0-9]{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$`)

func parseSignature(r *http.Request) (signature, error) {
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return signature{}, fail(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	return signature{accessKey: m[1], date: m[2], region: m[3], service: m[4], signed: strings.Split(m[5], ";"), value: m[6]}, nil
}

// maxSkew is how far a clock may be off. See "Elements of an AWS API request
// signature".
const maxSkew = 15 * time.Minute

// authenticate finds the caller and verifies that they signed the request.
func (s *Server) authenticate(r *http.Request, body []byte, sig signature) (*cloud.Session, error) {
	session := s.cloud.Session(sig.accessKey)
	switch {
	case session == nil:
		return nil, fail(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case r.Header.Get("X-Amz-Security-Token") != session.Token:
		return nil, fail(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	case !s.cloud.Now().Before(session.Expires):
		return nil, apierr.Expired(sig.service)
	case sig.region != cloud.Region:
		return nil, fail(http.StatusBadRequest, "AuthorizationHeaderMalformed", "the region '%s' is wrong; expecting '%s'", sig.region, cloud.Region)
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != sig.date {
		return nil, fail(http.StatusForbidden, "SignatureDoesNotMatch", "X-Amz-Date is not the date that was signed")
	}
	if s.cloud.Now().Sub(at).Abs() > maxSkew {
		return nil, fail(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	}
	if !hmac.Equal([]byte(sign(r, body, sig, session.SecretKey)), []byte(sig.value)) {
		return nil, fail(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return session, nil
}

// sign computes the signature of a request.
func sign(r *http.Request, body []byte, sig signature, secret string) string {
	payload := r.Header.Get("X-Amz-Content-Sha256")
	sum := sha256.Sum256(body)
	if payload == "" || len(payload) == 64 {
		payload = hex.EncodeToString(sum[:]) // never what the header claims
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	var headers strings.Builder
	for _, name := range sig.signed {
		headers.WriteString(name + ":" + header(r, name) + "\n")
	}
	canonical := strings.Join([]string{r.Method, path, query(r.URL), headers.String(), strings.Join(sig.signed, ";"), payload}, "\n")
	hashed := sha256.Sum256([]byte(canonical))
	scope := sig.date + "/" + sig.region + "/" + sig.service + "/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hex.EncodeToString(hashed[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.date, sig.region, sig.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// header is a signed header's canonical value.
func header(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		if v := r.Header.Get(name); v != "" {
			return v
		}
		return strconv.FormatInt(r.ContentLength, 10)
	}
	var values []string
	for _, v := range r.Header.Values(name) {
		values = append(values, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(values, ",")
}

// query is the canonical query string.
func query(u *url.URL) string {
	var pairs []string
	for k, values := range u.Query() {
		for _, v := range values {
			pairs = append(pairs, escape(k)+"="+escape(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

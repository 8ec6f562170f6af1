package services

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	apiService = "apigateway.amazonaws.com"
	// apiHost is what the host of an HTTP API ends with.
	apiHost = ".execute-api." + cloud.Region + ".amazonaws.com"
	// maxRequest is how large a request to an HTTP API may be, in bytes.
	maxRequest = 10 << 20
)

// RoundTrip implements http.RoundTripper: it is the way to the deployed HTTP
// APIs by their own URLs. Every other host is unreachable.
func (r *Emulator) RoundTrip(req *http.Request) (*http.Response, error) {
	id, ok := strings.CutSuffix(req.URL.Hostname(), apiHost)
	if !ok || r.cloud.First("", typetoken.API, func(a *cloud.Resource) bool { return a.ID == id }) == nil {
		return nil, fmt.Errorf("lookup %s: no such host", req.URL.Hostname())
	}
	if req.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s: connection refused: HTTP APIs speak https", req.URL.Host)
	}
	status, header, body := r.serveAPI(id, req)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}

func message(status int, text string) (int, http.Header, []byte) {
	return status, http.Header{"Content-Type": {"application/json"}}, []byte(`{"message":"` + text + `"}`)
}

// route is a route of an API that a request takes.
type route struct {
	api, stage, function *cloud.Resource
	key                  string
	parameters           map[string]string
}

// serveAPI answers a request to an API.
func (r *Emulator) serveAPI(id string, req *http.Request) (int, http.Header, []byte) {
	end, ok := r.begin()
	if !ok {
		return message(http.StatusServiceUnavailable, "Service Unavailable")
	}
	defer end()
	started := time.Now()
	status, header, body := r.answerAPI(id, req)
	r.note("call", "execute-api", map[string]any{"api": id, "status": status}, "%s %s answered %d after %s", req.Method, req.URL.Path, status, time.Since(started).Round(time.Millisecond))
	return status, header, body
}

func (r *Emulator) answerAPI(id string, req *http.Request) (int, http.Header, []byte) {
	to := r.findRoute(id, req)
	if to == nil {
		return message(http.StatusNotFound, "Not Found")
	}
	if !r.admit(to) {
		return message(http.StatusTooManyRequests, "Too Many Requests")
	}
	body, err := readBody(req)
	if err != nil {
		return message(http.StatusBadRequest, "Bad Request")
	}
	if len(body) > maxRequest {
		return message(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	}
	if to.function == nil {
		r.note("call", "execute-api", nil, "%s: the integration of route %q leads to no function", id, to.key)
		return message(http.StatusInternalServerError, "Internal Server Error")
	}
	call := cloud.Call{Service: apiService, Action: "lambda:InvokeFunction", Resource: to.function.ARN, Context: source(to.sourceARN(req.Method), to.api.Account)}
	if err := r.cloud.Authorize(call); err != nil {
		return message(http.StatusInternalServerError, "Internal Server Error")
	}
	payload, err := json.Marshal(to.event(req, body, r.cloud.Now()))
	if err != nil {
		return message(http.StatusInternalServerError, "Internal Server Error")
	}
	out, err := r.Invoke(req.Context(), to.function.ARN, payload)
	if codeOf(err) == throttled {
		// Which of the 5xx it is, AWS does not document; it is none of the client's.
		return message(http.StatusServiceUnavailable, "Service Unavailable")
	}
	if err != nil {
		return message(http.StatusInternalServerError, "Internal Server Error")
	}
	return answerOf(out)
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(io.LimitReader(req.Body, maxRequest+1))
}

// findRoute finds the route of a request: the most specific one, as API
// Gateway chooses. Without the stage $default nothing is served.
func (r *Emulator) findRoute(id string, req *http.Request) *route {
	api := r.cloud.First("", typetoken.API, func(a *cloud.Resource) bool { return a.ID == id })
	stage := r.cloud.First("", typetoken.APIStage, func(s *cloud.Resource) bool { return s.Str("apiId") == id && s.Str("name") == "$default" })
	if api == nil || stage == nil {
		return nil
	}
	var best *route
	rank := 0
	for _, candidate := range r.cloud.Find(api.Account, typetoken.APIRoute, func(x *cloud.Resource) bool { return x.Str("apiId") == id }) {
		parameters, score := matchRoute(candidate.Str("routeKey"), req)
		if score > rank {
			rank = score
			best = &route{api: api, stage: stage, key: candidate.Str("routeKey"), parameters: parameters, function: r.integrated(candidate)}
		}
	}
	return best
}

// Scores of a route: an exact method beats ANY, a fixed part of the path a
// parameter, a parameter a greedy one.
const (
	scoreDefault = 1
	scoreMethod  = 2
	scoreGreedy  = 4
	scorePart    = 8
	scoreFixed   = 16
)

func matchRoute(key string, req *http.Request) (map[string]string, int) {
	if key == "$default" {
		return nil, scoreDefault
	}
	method, path, _ := strings.Cut(key, " ")
	score := scoreMethod
	if method == "ANY" {
		score = scoreDefault
	} else if method != req.Method {
		return nil, 0
	}
	parameters := map[string]string{}
	want, got := strings.Split(path, "/"), strings.Split(req.URL.Path, "/")
	for i, w := range want {
		name, isParameter := strings.CutPrefix(w, "{")
		name = strings.TrimSuffix(name, "}")
		switch {
		case i >= len(got):
			return nil, 0
		case isParameter && strings.HasSuffix(name, "+"):
			parameters[strings.TrimSuffix(name, "+")] = strings.Join(got[i:], "/")
			return parameters, score + scoreGreedy
		case isParameter:
			parameters[name] = got[i]
			score += scorePart
		case w == got[i]:
			score += scoreFixed
		default:
			return nil, 0
		}
	}
	if len(want) != len(got) {
		return nil, 0
	}
	return parameters, score
}

// integrated is the function behind a route, nil where there is none.
func (r *Emulator) integrated(res *cloud.Resource) *cloud.Resource {
	id, ok := strings.CutPrefix(res.Str("target"), "integrations/")
	in := r.cloud.Get(res.Account, typetoken.APIIntegration, id)
	if !ok || in == nil || in.Str("integrationType") != "AWS_PROXY" || in.Str("payloadFormatVersion") != "2.0" {
		return nil
	}
	if f := r.cloud.ByARN(arns.Invoked(in.Str("integrationUri"))); f != nil && f.Type == typetoken.Function {
		return f
	}
	return nil
}

// sourceARN is what a function's permission is compared with.
func (t *route) sourceARN(method string) string {
	prefix := cloud.ARN("execute-api", t.api.Account, t.api.ID+"/"+t.stage.Str("name")+"/")
	declared, path, ok := strings.Cut(t.key, " ")
	if !ok {
		return prefix + "$default"
	}
	if declared == "ANY" {
		return prefix + "*" + path
	}
	return prefix + method + path
}

// event is the payload of format version 2.0. See "Create AWS Lambda proxy
// integrations for HTTP APIs in API Gateway".
func (t *route) event(req *http.Request, body []byte, now time.Time) map[string]any {
	host := t.api.ID + apiHost
	headers, cookies := lowerHeaders(req.Header)
	headers["host"] = host
	if len(body) > 0 {
		headers["content-length"] = fmt.Sprint(len(body))
	}
	e := map[string]any{
		"version": "2.0", "routeKey": t.key, "rawPath": req.URL.EscapedPath(), "rawQueryString": req.URL.RawQuery, "headers": headers,
		"requestContext": map[string]any{
			"accountId": t.api.Account, "apiId": t.api.ID, "domainName": host, "domainPrefix": t.api.ID,
			"http": map[string]any{
				"method": req.Method, "path": req.URL.Path, "protocol": "HTTP/1.1",
				"sourceIp": sourceIP(req), "userAgent": req.UserAgent(),
			},
			"requestId": newToken(8), "routeKey": t.key, "stage": t.stage.Str("name"),
			"time": now.UTC().Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
		},
		"isBase64Encoded": !isText(req.Header.Get("Content-Type")) && len(body) > 0,
	}
	set := func(key string, n int, v any) {
		if n > 0 {
			e[key] = v
		}
	}
	query := joinValues(req.URL.Query())
	set("cookies", len(cookies), cookies)
	set("queryStringParameters", len(query), query)
	set("pathParameters", len(t.parameters), t.parameters)
	if e["isBase64Encoded"] == true {
		e["body"] = base64.StdEncoding.EncodeToString(body)
	} else {
		set("body", len(body), string(body))
	}
	return e
}

// isText says which bodies API Gateway hands on as they are.
func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType == ""
	}
	return strings.HasPrefix(media, "text/") || slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, media)
}

func lowerHeaders(h http.Header) (map[string]string, []string) {
	out, cookies := map[string]string{}, []string{}
	for k, v := range h {
		if strings.EqualFold(k, "Cookie") {
			for _, c := range v {
				cookies = append(cookies, strings.Split(c, "; ")...)
			}
			continue
		}
		out[strings.ToLower(k)] = strings.Join(v, ",")
	}
	return out, cookies
}

func joinValues(q url.Values) map[string]string {
	out := map[string]string{}
	for k, v := range q {
		out[k] = strings.Join(v, ",")
	}
	return out
}

// sourceIP is the client's address; one that RoundTrip served has none and
// gets one that is reserved for documentation.
func sourceIP(req *http.Request) string {
	if host, _, err := net.SplitHostPort(req.RemoteAddr); err == nil {
		return host
	}
	return "203.0.113.7"
}

// answerOf reads the function's answer. One without a status code is the body.
func answerOf(out []byte) (int, http.Header, []byte) {
	var a struct {
		StatusCode int            `json:"statusCode"`
		Headers    map[string]any `json:"headers"`
		Cookies    []string       `json:"cookies"`
		Body       string         `json:"body"`
		Base64     bool           `json:"isBase64Encoded"`
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if err := json.Unmarshal(out, &a); err != nil || a.StatusCode == 0 {
		return http.StatusOK, header, out
	}
	for k, v := range a.Headers {
		header.Set(k, fmt.Sprint(v))
	}
	for _, c := range a.Cookies {
		header.Add("Set-Cookie", c)
	}
	body := []byte(a.Body)
	if a.Base64 {
		decoded, err := base64.StdEncoding.DecodeString(a.Body)
		if err != nil {
			return message(http.StatusInternalServerError, "Internal Server Error")
		}
		body = decoded
	}
	return a.StatusCode, header, body
}

package services

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// echo is what the test function answers.
type echo struct {
	Calls       int
	Environment []string
	Input       json.RawMessage
}

func (w *world) call(function, payload string) (echo, error) {
	w.t.Helper()
	out, err := w.Invoke(w.t.Context(), function, []byte(payload))
	var e echo
	if err == nil {
		require.NoError(w.t, json.Unmarshal(out, &e))
	}
	return e, err
}

func TestAFunctionStaysWarmUntilItIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "echo", nil)
	for want := 1; want <= 2; want++ {
		e, err := w.call(f, `{"a":1}`)
		require.NoError(t, err)
		require.Equal(t, want, e.Calls)
		require.JSONEq(t, `{"a":1}`, string(e.Input))
	}
	w.c.Update(account, typetoken.Function, "f", func(*cloud.Resource) {})
	e, err := w.call(f, `{}`)
	require.NoError(t, err)
	require.Equal(t, 1, e.Calls, "a new process")
	w.c.Remove(account, typetoken.Function, "f")
	_, err = w.call(f, `{}`)
	require.ErrorContains(t, err, "Function not found")
}

func TestAFunctionSeesOnlyItsOwnEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THIS_MACHINE", "x")
	w := newWorld(t)
	f := w.function("f", "echo", nil)
	e, err := w.call(f, `{}`)
	require.NoError(t, err)
	var names []string
	for _, kv := range e.Environment {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	for _, own := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_NAME", "TEST_FUNCTION"} {
		require.Contains(t, names, own)
	}
	require.NotContains(t, names, "SECRET_OF_THIS_MACHINE")
	require.NotContains(t, names, "HOME")
}

func TestParallelInvocationsHaveInstancesOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "echo", nil)
	answers := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := w.Invoke(context.Background(), f, []byte(`{}`))
			answers <- err
		}()
	}
	for range 3 {
		require.NoError(t, <-answers)
	}
}

func TestFunctionsThatFail(t *testing.T) {
	t.Parallel()
	for mode, text := range map[string]string{
		"fail": "I never can", "exit": "exit status 4", "broken": "exit status 3", "hang": "Task timed out after 1.00 seconds",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := w.function("f", mode, props{"timeout": 1})
			_, err := w.call(f, `{}`)
			var e *FunctionError
			require.ErrorAs(t, err, &e)
			require.ErrorContains(t, err, text)
			require.Len(t, w.said("lambda", "f", text), 1)
		})
	}
}

func TestAnAsynchronousFailureIsRepeatedAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dead := w.queue("dead")
	f := w.function("f", "fail", props{"deadLetterConfig": props{"targetArn": dead}}, statement(nil, "sqs:SendMessage", dead, nil))
	w.add(typetoken.Permission, "p", "", props{"function": "f", "action": "lambda:InvokeFunction", "principal": eventsService, "sourceArn": ruleOf("mine")})
	w.rule("mine", `{"source":["test"]}`, props{"arn": f})
	w.emit(`{"n":1}`)
	w.idle()
	require.Len(t, w.said("lambda", "f", "I never can", "failed after"), 1+asyncRetries)
	require.Len(t, w.Messages(dead), 1)
	require.Contains(t, w.Messages(dead)[0].Body, `"detail":{"n":1}`)
}

func TestARuleWithoutPermissionDoesNotInvoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "echo", nil)
	w.add(typetoken.Permission, "p", "", props{"function": "f", "action": "lambda:InvokeFunction", "principal": eventsService, "sourceArn": ruleOf("other")})
	w.rule("mine", `{"source":["test"]}`, props{"arn": f})
	w.emit(`{}`)
	w.idle()
	require.Empty(t, w.said("lambda"))
	require.Len(t, w.said("denied", "lambda:InvokeFunction"), 1)
}

func TestLogsNeedTheGroupAndTheRight(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		group, right bool
		want         int
	}{"both": {true, true, 1}, "no group": {false, true, 0}, "no right": {true, false, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tc.group {
				w.logGroup("logs-of-f")
			}
			var rights []props
			if tc.right {
				rights = append(rights, statement(nil, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, "arn:aws:logs:us-east-1:"+account+":log-group:logs-of-f:*", nil))
			}
			f := w.function("f", "echo", props{"loggingConfig": props{"logGroup": "logs-of-f"}}, rights...)
			_, err := w.call(f, `{}`)
			require.NoError(t, err, "a function without logs works")
			// The output may come after the answer: it is complete when the process has ended.
			require.NoError(t, w.Close())
			lines := 0
			for _, e := range w.c.Journal.Events("lambda") {
				if e.Fields["log"] == true && e.Message == "called" {
					lines++
				}
			}
			require.Equal(t, tc.want, lines)
		})
	}
}

func TestARoleThatLambdaCantTake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function("f", "echo", nil)
	other := w.role("other", "ec2.amazonaws.com")
	w.c.Update(account, typetoken.Function, "f", func(r *cloud.Resource) { r.Inputs = props{"name": "f", "role": other} })
	_, err := w.call(f, `{}`)
	require.ErrorContains(t, err, "can't be assumed")
}

// api deploys an HTTP API with one route to a function.
func (w *world) api(key, function, sourceARN string) {
	w.add(typetoken.API, "abc123", "", props{"name": "web", "protocolType": "HTTP"})
	w.add(typetoken.APIIntegration, "int1", "", props{"apiId": "abc123", "integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0",
		"integrationUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + function + "/invocations"})
	w.add(typetoken.APIRoute, "r1", "", props{"apiId": "abc123", "routeKey": key, "target": "integrations/int1"})
	w.add(typetoken.APIStage, "abc123/$default", "", props{"apiId": "abc123", "name": "$default", "autoDeploy": true})
	w.add(typetoken.Permission, "p", "", props{"function": "f", "action": "lambda:InvokeFunction", "principal": apiService, "sourceArn": sourceARN})
}

const apiSource = "arn:aws:execute-api:us-east-1:" + account + ":abc123/$default/POST/webhook"

func (w *world) post(url, body, media string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", media)
	req.Header.Add("X-Many", "a")
	req.Header.Add("X-Many", "b")
	resp, err := (&http.Client{Transport: w.Emulator}).Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp, string(text), nil
}

const webhookURL = "https://abc123.execute-api.us-east-1.amazonaws.com/webhook"

func TestTheHTTPAPIHandsARequestToTheFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api("POST /webhook", w.function("f", "web", nil), apiSource)
	resp, text, err := w.post(webhookURL+"?q=1&q=2", `{"a":1}`, "application/json; charset=utf-8")
	require.NoError(t, err)
	require.Equal(t, 202, resp.StatusCode)
	require.Equal(t, "yes", resp.Header.Get("X-Seen"))
	var e map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &e))
	require.Equal(t, "2.0", e["version"])
	require.Equal(t, "POST /webhook", e["routeKey"])
	require.Equal(t, `{"a":1}`, e["body"])
	require.Equal(t, false, e["isBase64Encoded"])
	require.Equal(t, "a,b", cloud.Lookup(e, "headers.x-many"))
	require.Equal(t, "1,2", cloud.Lookup(e, "queryStringParameters.q"))
	require.Equal(t, "POST", cloud.Lookup(e, "requestContext.http.method"))
	require.Equal(t, account, cloud.Lookup(e, "requestContext.accountId"))
	resp, text, err = w.post(webhookURL, "\x00\x01", "application/octet-stream")
	require.NoError(t, err)
	require.Equal(t, 202, resp.StatusCode)
	require.NoError(t, json.Unmarshal([]byte(text), &e))
	require.Equal(t, true, e["isBase64Encoded"])
	require.Equal(t, "AAE=", e["body"])
}

func TestTheHTTPAPIRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api("POST /webhook", w.function("f", "web", nil), strings.Replace(apiSource, "/webhook", "/other", 1))
	resp, _, err := w.post(webhookURL, "{}", "application/json")
	require.NoError(t, err)
	require.Equal(t, 500, resp.StatusCode, "without the permission")
	resp, text, err := w.post(strings.TrimSuffix(webhookURL, "hook"), "{}", "application/json")
	require.NoError(t, err)
	require.Equal(t, 404, resp.StatusCode)
	require.JSONEq(t, `{"message":"Not Found"}`, text)
	for _, url := range []string{"https://other.execute-api.us-east-1.amazonaws.com/", "https://example.com/", strings.Replace(webhookURL, "https", "http", 1)} {
		_, _, err = w.post(url, "{}", "application/json")
		require.Error(t, err, url)
	}
	w.c.Remove(account, typetoken.APIStage, "abc123/$default")
	resp, _, err = w.post(webhookURL, "{}", "application/json")
	require.NoError(t, err)
	require.Equal(t, 404, resp.StatusCode, "without a stage")
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{
		"POST /a/b": scoreMethod + 3*scoreFixed, "ANY /a/b": scoreDefault + 3*scoreFixed, "POST /a/{x}": scoreMethod + 2*scoreFixed + scorePart,
		"POST /{p+}": scoreMethod + scoreFixed + scoreGreedy, "$default": scoreDefault, "GET /a/b": 0, "POST /a": 0, "POST /a/b/c": 0,
	} {
		req, err := http.NewRequest(http.MethodPost, "https://x/a/b", nil)
		require.NoError(t, err)
		_, got := matchRoute(key, req)
		require.Equal(t, want, got, key)
	}
	require.True(t, slices.IsSorted([]int{scoreDefault, scoreMethod, scoreGreedy, scorePart, scoreFixed}))
}

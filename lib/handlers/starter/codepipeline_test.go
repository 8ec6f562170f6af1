package starter_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/handlers/starter"
)

// client returns a client of a server that answers once, and what it was asked.
func client(t *testing.T, status int, answer string) (starter.CodePipeline, *http.Request, *string) {
	t.Helper()
	asked, body := &http.Request{}, new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		*asked, *body = *r, string(text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	config := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "token")}
	return starter.CodePipeline{Config: config, Now: time.Now}, asked, body
}

func TestTheRequestIsThatOfTheAPI(t *testing.T) {
	t.Parallel()
	c, asked, body := client(t, http.StatusOK, `{"pipelineExecutionId":"e1"}`)
	start := starter.Start{Pipeline: "dev", Commit: "c", Delivery: "d", Pusher: "p", Cause: "push", Attempt: 1}
	got, err := c.Start(t.Context(), start)
	require.NoError(t, err)
	require.Equal(t, "e1", got)
	require.Equal(t, "CodePipeline_20150709.StartPipelineExecution", asked.Header.Get("X-Amz-Target"))
	require.Equal(t, "application/x-amz-json-1.1", asked.Header.Get("Content-Type"))
	require.Contains(t, asked.Header.Get("Authorization"), "/us-east-1/codepipeline/aws4_request")
	require.Equal(t, "token", asked.Header.Get("X-Amz-Security-Token"))
	require.JSONEq(t, `{"name":"dev","clientRequestToken":"`+start.Token()+`",
		"sourceRevisions":[{"actionName":"Source","revisionType":"COMMIT_ID","revisionValue":"c"}],
		"variables":[{"name":"COMMIT","value":"c"},{"name":"DELIVERY","value":"d"},{"name":"PUSHER","value":"p"}]}`, *body)
}

func TestARefusalIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		answer, want string
	}{
		"of the API":               {400, `{"__type":"PipelineNotFoundException","message":"no pipeline"}`, "pipeline dev can't be started: PipelineNotFoundException: no pipeline"},
		"without a reason":         {503, `<html>`, "answered with status 503"},
		"success without an id":    {200, `{}`, "without the id of an execution"},
		"success that is not JSON": {200, `<html>`, "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, _ := client(t, c.status, c.answer)
			_, err := p.Start(t.Context(), starter.Start{Pipeline: "dev"})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// executions answers as CodePipeline would.
func executions(t *testing.T, answers map[string]string) (starter.CodePipeline, *[]string) {
	t.Helper()
	asked := &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		*asked = append(*asked, string(text))
		answer, ok := answers[string(text)]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"__type":"AccessDeniedException","message":"no"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	config := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "token")}
	return starter.CodePipeline{Config: config, Now: time.Now}, asked
}

func TestAnExecutionIsFoundByItsVariables(t *testing.T) {
	t.Parallel()
	const list = `{"maxResults":100,"pipelineName":"dev"}`
	get := func(id string) string { return `{"pipelineExecutionId":"` + id + `","pipelineName":"dev"}` }
	variables := func(commit, delivery string) string {
		return `{"pipelineExecution":{"variables":[{"name":"COMMIT","resolvedValue":"` + commit + `"},{"name":"DELIVERY","resolvedValue":"` + delivery + `"}]}}`
	}
	answers := map[string]string{
		list: `{"pipelineExecutionSummaries":[
			{"pipelineExecutionId":"queued"},
			{"pipelineExecutionId":"other","sourceRevisions":[{"actionName":"Source","revisionId":"other"}]},
			{"pipelineExecutionId":"again","sourceRevisions":[{"actionName":"Source","revisionId":"c"}]},
			{"pipelineExecutionId":"mine","sourceRevisions":[{"actionName":"Source","revisionId":"c"}]}]}`,
		get("queued"): variables("later", "d"), get("again"): variables("c", "another"), get("mine"): variables("c", "d"),
	}
	c, asked := executions(t, answers)
	id, err := c.Find(t.Context(), starter.Start{Pipeline: "dev", Commit: "c", Delivery: "d"})
	require.NoError(t, err)
	require.Equal(t, "mine", id)
	require.Equal(t, []string{list, get("queued"), get("again"), get("mine")}, *asked, "those of another commit are not asked for")

	id, err = c.Find(t.Context(), starter.Start{Pipeline: "dev", Commit: "c", Delivery: "unknown"})
	require.NoError(t, err)
	require.Empty(t, id)
	_, err = c.Find(t.Context(), starter.Start{Pipeline: "prod"})
	require.ErrorContains(t, err, "the executions of pipeline prod can't be listed: AccessDeniedException: no")
	delete(answers, get("queued"))
	_, err = c.Find(t.Context(), starter.Start{Pipeline: "dev", Commit: "c", Delivery: "d"})
	require.ErrorContains(t, err, "execution queued of pipeline dev can't be read")
}

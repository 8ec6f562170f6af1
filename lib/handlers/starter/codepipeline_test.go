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
	got, err := c.Start(t.Context(), starter.Start{Pipeline: "dev", Commit: "c", Delivery: "d", Pusher: "p", Token: "t"})
	require.NoError(t, err)
	require.Equal(t, "e1", got)
	require.Equal(t, "CodePipeline_20150709.StartPipelineExecution", asked.Header.Get("X-Amz-Target"))
	require.Equal(t, "application/x-amz-json-1.1", asked.Header.Get("Content-Type"))
	require.Contains(t, asked.Header.Get("Authorization"), "/us-east-1/codepipeline/aws4_request")
	require.Equal(t, "token", asked.Header.Get("X-Amz-Security-Token"))
	require.JSONEq(t, `{"name":"dev","clientRequestToken":"t",
		"sourceRevisions":[{"actionName":"Source","revisionType":"COMMIT_ID","revisionValue":"c"}],
		"variables":[{"name":"COMMIT","value":"c"},{"name":"DELIVERY","value":"d"},{"name":"PUSHER","value":"p"}]}`, *body)
}

func TestARefusalIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		answer, want string
	}{
		"of the API":              {400, `{"__type":"PipelineNotFoundException","message":"no pipeline"}`, "pipeline dev can't be started: PipelineNotFoundException: no pipeline"},
		"without a reason":        {503, `<html>`, "answered with status 503"},
		"success without an id":   {200, `{}`, "without the id of an execution"},
		"success that is no JSON": {200, `<html>`, "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, _ := client(t, c.status, c.answer)
			_, err := p.Start(t.Context(), starter.Start{Pipeline: "dev"})
			require.ErrorContains(t, err, c.want)
		})
	}
}

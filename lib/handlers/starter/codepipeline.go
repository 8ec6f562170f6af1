package starter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"delivery.internal/lib/contract"
)

const (
	// callTimeout bounds a request; Lambda repeats what fails.
	callTimeout = 10 * time.Second
	// maxAnswer is larger than any answer, in bytes.
	maxAnswer = 1 << 20
)

// CodePipeline is Pipelines over AWS CodePipeline. It makes three kinds of
// request and signs them with the SDK's own signer, which spares the function a
// module.
type CodePipeline struct {
	// Config gives the credentials, the region and, in a rehearsal, the endpoint.
	Config aws.Config
	Now    func() time.Time
}

// startRequest is the input of StartPipelineExecution; see
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html
type startRequest struct {
	Name      string     `json:"name"`
	Token     string     `json:"clientRequestToken"`
	Revisions []revision `json:"sourceRevisions"`
	Variables []variable `json:"variables"`
}

type revision struct {
	Action string `json:"actionName"`
	Type   string `json:"revisionType"`
	Value  string `json:"revisionValue"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// executions are the most recent executions of a pipeline, newest first; see
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListPipelineExecutions.html
type executions struct {
	Summaries []struct {
		ID        string `json:"pipelineExecutionId"`
		Revisions []struct {
			Action string `json:"actionName"`
			ID     string `json:"revisionId"`
		} `json:"sourceRevisions"`
	} `json:"pipelineExecutionSummaries"`
}

// Find implements Pipelines, among the hundred most recent executions. A
// delivery is redelivered for three days and an event repeated for one.
func (c CodePipeline) Find(ctx context.Context, s Start) (string, error) {
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	var recent executions
	if err := c.call(ctx, "ListPipelineExecutions", map[string]any{"pipelineName": s.Pipeline, "maxResults": 100}, &recent); err != nil {
		return "", fmt.Errorf("the executions of pipeline %s can't be listed: %w", s.Pipeline, err)
	}
	for _, e := range recent.Summaries {
		// Before its source action has run, an execution names no revision.
		if len(e.Revisions) > 0 && e.Revisions[0].ID != s.Commit {
			continue
		}
		same, err := c.startedBy(ctx, s, e.ID)
		if err != nil {
			return "", fmt.Errorf("execution %s of pipeline %s can't be read: %w", e.ID, s.Pipeline, err)
		}
		if same {
			return e.ID, nil
		}
	}
	return "", nil
}

// startedBy says whether the variables of an execution are those of the start;
// see https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineExecution.html
func (c CodePipeline) startedBy(ctx context.Context, s Start, id string) (bool, error) {
	var out struct {
		Execution struct {
			Variables []struct {
				Name  string `json:"name"`
				Value string `json:"resolvedValue"`
			} `json:"variables"`
		} `json:"pipelineExecution"`
	}
	err := c.call(ctx, "GetPipelineExecution", map[string]string{"pipelineName": s.Pipeline, "pipelineExecutionId": id}, &out)
	values := map[string]string{}
	for _, v := range out.Execution.Variables {
		values[v.Name] = v.Value
	}
	return values[contract.VarDelivery] == s.Delivery && values[contract.VarCommit] == s.Commit, err
}

// Start implements Pipelines.
func (c CodePipeline) Start(ctx context.Context, s Start) (string, error) {
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	var out struct {
		ID string `json:"pipelineExecutionId"`
	}
	err := c.call(ctx, "StartPipelineExecution", startRequest{
		Name: s.Pipeline, Token: s.Token(),
		Revisions: []revision{{contract.SourceAction, "COMMIT_ID", s.Commit}},
		Variables: []variable{{contract.VarCommit, s.Commit}, {contract.VarDelivery, s.Delivery}, {contract.VarPusher, s.Pusher}},
	}, &out)
	if err == nil && out.ID == "" {
		err = fmt.Errorf("CodePipeline answered without the id of an execution")
	}
	if err != nil {
		return "", fmt.Errorf("pipeline %s can't be started: %w", s.Pipeline, err)
	}
	return out.ID, nil
}

// call makes a request of the JSON protocol, version 1.1.
func (c CodePipeline) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	endpoint := "https://codepipeline." + c.Config.Region + ".amazonaws.com"
	if c.Config.BaseEndpoint != nil {
		endpoint = *c.Config.BaseEndpoint
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "CodePipeline_20150709."+operation)
	if err := c.sign(ctx, req, body); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp.StatusCode, answer)
	}
	return json.Unmarshal(answer, out)
}

func (c CodePipeline) sign(ctx context.Context, req *http.Request, body []byte) error {
	credentials, err := c.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "codepipeline", c.Config.Region, c.Now())
}

// refusal is an answer that is an error.
func refusal(status int, answer []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &e) != nil || e.Type == "" {
		return fmt.Errorf("CodePipeline answered with status %d", status)
	}
	return fmt.Errorf("%s: %s", e.Type, e.Message)
}

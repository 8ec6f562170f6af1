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

// CodePipeline is Pipelines over AWS CodePipeline. It makes one kind of request
// and signs it with the SDK's own signer, which spares the function a module.
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

// Start implements Pipelines.
func (c CodePipeline) Start(ctx context.Context, s Start) (string, error) {
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	var out struct {
		ID string `json:"pipelineExecutionId"`
	}
	err := c.call(ctx, "StartPipelineExecution", startRequest{
		Name: s.Pipeline, Token: s.Token,
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

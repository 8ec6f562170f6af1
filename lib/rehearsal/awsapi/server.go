package awsapi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/johannesboyne/gofakes3"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/rehearsal/cloud"
)

// Server is the HTTP handler of all services.
type Server struct {
	cloud   *cloud.Cloud
	backend Backend
	s3      http.Handler
	mu      sync.Mutex // guards the items of tables
}

// New returns the handler of a cloud, with what runs behind the APIs. Storage,
// keys and parameters need nothing behind them.
func New(c *cloud.Cloud, backend Backend) *Server {
	return &Server{cloud: c, backend: backend, s3: gofakes3.New(c.Objects.Backend(), gofakes3.WithTimeSkewLimit(0)).Server()}
}

// request is a call to a service, authenticated.
type request struct {
	*http.Request
	service   string
	operation string
	session   *cloud.Session
	body      []byte
}

func fail(status int, code, format string, args ...any) *apierr.Error {
	return apierr.New(status, code, format, args...)
}

// maxBody bounds what a request may carry, in bytes.
const maxBody = 256 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the client is gone
	}
	req := &request{Request: r, body: body}
	signature, err := parseSignature(r)
	if err != nil {
		writeError(w, req, err)
		return
	}
	req.service = signature.service
	req.operation = operation(req)
	if s.strike(w, req) {
		return
	}
	if req.session, err = s.authenticate(r, body, signature); err != nil {
		writeError(w, req, err)
		return
	}
	if req.service == "s3" {
		s.serveS3(w, req)
		return
	}
	out, err := s.dispatch(req)
	if err != nil {
		writeError(w, req, err)
		return
	}
	writeResult(w, req, out)
}

// strike lets an injected fault answer.
func (s *Server) strike(w http.ResponseWriter, r *request) bool {
	f := s.cloud.Strike(r.service, r.operation, r.URL.Path+string(r.body[:min(len(r.body), 4096)]))
	if f == nil {
		return false
	}
	s.cloud.Journal.Add(cloud.Event{Kind: "fault", Subject: r.service + ":" + r.operation, Message: fmt.Sprintf("%d %s %s", f.Status, f.Code, r.URL.Path)})
	if f.Then != nil {
		f.Then()
	}
	if h, ok := w.(http.Hijacker); ok && f.Reset {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
			return true
		}
	}
	writeError(w, r, fail(f.Status, f.Code, "the local cloud was told to fail here"))
	return true
}

// operation names what a request asks for.
func operation(r *request) string {
	if r.service == "s3" {
		return s3Operation(r.Request)
	}
	if t := r.Header.Get("X-Amz-Target"); t != "" {
		return t[strings.LastIndex(t, ".")+1:]
	}
	return formValue(r.body, "Action")
}

type handler func(*Server, *request) (any, error)

var handlers = map[string]handler{
	"sts:GetCallerIdentity": (*Server).getCallerIdentity,
	"sts:AssumeRole":        (*Server).assumeRole,

	"kms:Encrypt":         (*Server).encrypt,
	"kms:Decrypt":         (*Server).decrypt,
	"kms:GenerateDataKey": (*Server).generateDataKey,
	"kms:DescribeKey":     (*Server).describeKey,

	"ssm:GetParameter": (*Server).getParameter,
	"ssm:PutParameter": (*Server).putParameter,

	"secretsmanager:GetSecretValue": (*Server).getSecretValue,

	"dynamodb:PutItem":    (*Server).putItem,
	"dynamodb:GetItem":    (*Server).getItem,
	"dynamodb:DeleteItem": (*Server).deleteItem,
	"dynamodb:UpdateItem": (*Server).updateItem,

	"events:PutEvents": (*Server).putEvents,

	"ecr:DescribeImageScanFindings": (*Server).describeFindings,
	"ecr:DescribeImages":            (*Server).describeImages,

	"codebuild:StartBuild":     (*Server).startBuild,
	"codebuild:BatchGetBuilds": (*Server).batchGetBuilds,

	"codepipeline:GetPipelineExecution":   (*Server).getExecution,
	"codepipeline:GetPipelineState":       (*Server).getPipelineState,
	"codepipeline:ListPipelineExecutions": (*Server).listExecutions,
	"codepipeline:PutApprovalResult":      (*Server).putApprovalResult,
	"codepipeline:StartPipelineExecution": (*Server).startExecution,
}

func (s *Server) dispatch(r *request) (any, error) {
	h := handlers[r.service+":"+r.operation]
	if h == nil {
		s.cloud.Journal.Add(cloud.Event{Kind: "unplayed", Subject: r.service + ":" + r.operation, Message: "the local cloud does not play this call"})
		return nil, fail(http.StatusNotImplemented, "NotImplemented", "the local cloud does not play %s:%s", r.service, r.operation)
	}
	return h(s, r)
}

// authorize asks the policies.
func (s *Server) authorize(r *request, action, resource string, context map[string][]string) error {
	return answer(r, s.cloud.Authorize(cloud.Call{Session: r.session, Action: action, Resource: resource, Context: context}))
}

// answer puts a refusal of the policies into the service's words.
func answer(r *request, err error) error {
	var denied *cloud.Denied
	if errors.As(err, &denied) {
		return apierr.Denied(r.service, denied.Error())
	}
	return err
}

// bind reads a JSON body.
func (r *request) bind(into any) error {
	if err := json.Unmarshal(r.body, into); err != nil {
		return fail(http.StatusBadRequest, "SerializationException", "the body is not readable: %v", err)
	}
	return nil
}

// writeResult writes a result in the protocol of the service.
func writeResult(w http.ResponseWriter, r *request, out any) {
	if text, ok := out.(queryResult); ok {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, string(text)) // the client may be gone
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// queryResult is a body of the query protocol.
type queryResult string

func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

// writeError writes an error in the protocol of the service.
func writeError(w http.ResponseWriter, r *request, err error) {
	e := apierr.New(http.StatusInternalServerError, "InternalFailure", "%v", err)
	_ = errors.As(err, &e)
	switch r.service {
	case "s3":
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(e.Status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><Resource>%s</Resource></Error>`, e.Code, xmlText(e.Message), xmlText(r.URL.Path))
		}
	case "sts", "sns":
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(e.Status)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>0</RequestId></ErrorResponse>`, e.Code, xmlText(e.Message))
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-ErrorType", e.Code)
		w.WriteHeader(e.Status)
		out := map[string]any{"__type": e.Code, "message": e.Message, "Message": e.Message}
		maps.Copy(out, e.More)
		_ = json.NewEncoder(w).Encode(out)
	}
}

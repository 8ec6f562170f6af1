package provider

import (
	"context"
	"fmt"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"delivery.internal/lib/rehearsal/cloud"
)

// function is what a program may ask for without making a resource.
type function struct {
	// inputs that are accepted, all of them text; true for what is required.
	inputs map[string]bool
	// outputs and their types in the schema.
	outputs map[string]string
	answer  func(h *Host, session *cloud.Session, args map[string]any) (map[string]any, error)
}

// functions lists those that the local cloud knows. Their names and results are
// those of the AWS provider.
var functions = map[string]function{
	"aws:index/getCallerIdentity:getCallerIdentity": {
		inputs:  map[string]bool{"id": false},
		outputs: map[string]string{"accountId": "string", "arn": "string", "userId": "string", "id": "string"},
		answer:  (*Host).callerIdentity,
	},
	"aws:index/getRegion:getRegion": {
		inputs:  map[string]bool{"id": false, "name": false, "endpoint": false},
		outputs: map[string]string{"name": "string", "endpoint": "string", "description": "string", "id": "string"},
		answer: func(*Host, *cloud.Session, map[string]any) (map[string]any, error) {
			return map[string]any{"name": cloud.Region, "id": cloud.Region, "endpoint": "ec2." + cloud.Region + ".amazonaws.com", "description": "US East (N. Virginia)"}, nil
		},
	},
	"aws:index/getPartition:getPartition": {
		inputs:  map[string]bool{"id": false},
		outputs: map[string]string{"partition": "string", "dnsSuffix": "string", "reverseDnsPrefix": "string", "id": "string"},
		answer: func(*Host, *cloud.Session, map[string]any) (map[string]any, error) {
			return map[string]any{"partition": "aws", "id": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}, nil
		},
	},
	"aws:ssm/getParameter:getParameter": {
		inputs:  map[string]bool{"name": true, "withDecryption": false},
		outputs: map[string]string{"arn": "string", "id": "string", "name": "string", "type": "string", "value": "string", "insecureValue": "string", "version": "number"},
		answer:  (*Host).getParameter,
	},
}

// Invoke implements pulumirpc.ResourceProviderServer.
func (s *server) Invoke(ctx context.Context, r *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	p, err := read(r.GetArgs())
	if err != nil {
		return nil, err
	}
	conn := connectionOf(ctx)
	conn.mu.Lock()
	session := conn.session
	conn.mu.Unlock()
	out, err := s.host.invoke(session, r.GetTok(), p)
	if err != nil {
		return nil, status.Error(codes.Unknown, err.Error())
	}
	result, err := write(out, properties{}, nil, nil) // the AWS provider marks no result of a function as secret
	return &pulumirpc.InvokeResponse{Return: result}, err
}

// invoke answers the functions that the programs call.
func (h *Host) invoke(session *cloud.Session, token string, p properties) (map[string]any, error) {
	f, ok := functions[token]
	if !ok {
		return nil, fmt.Errorf("the local cloud does not know the function %s: add it to lib/rehearsal/provider", token)
	}
	for k := range p.raw {
		if _, ok := f.inputs[string(k)]; !ok {
			return nil, fmt.Errorf("%s: %s is not an argument that the local cloud knows", token, k)
		}
	}
	for k, required := range f.inputs {
		if required && p.values[k] == nil {
			return nil, fmt.Errorf("%s: %s is required", token, k)
		}
	}
	if session == nil {
		return nil, errNoCredentials
	}
	if fault := h.cloud.Strike("provider", "invoke", token); fault != nil {
		return nil, fmt.Errorf("%s: the request was made to fail (invoke %s)", fault.Code, token)
	}
	return f.answer(h, session, p.values)
}

// callerIdentity needs no permission. See GetCallerIdentity in the STS API.
func (h *Host) callerIdentity(session *cloud.Session, _ map[string]any) (map[string]any, error) {
	return map[string]any{"accountId": session.Account, "id": session.Account, "arn": session.ARN(), "userId": session.Role.Str("uniqueId") + ":" + session.Name}, nil
}

func (h *Host) getParameter(session *cloud.Session, args map[string]any) (map[string]any, error) {
	name := textOf(args["name"])
	arn := arnOf("ssm", "parameter/")(session.Account, name)
	if err := h.cloud.Authorize(cloud.Call{Session: session, Action: "ssm:GetParameter", Resource: arn}); err != nil {
		return nil, fmt.Errorf("reading SSM Parameter (%s): %w", name, err)
	}
	p := h.cloud.ByARN(arn)
	if p == nil {
		return nil, fmt.Errorf("reading SSM Parameter (%s): couldn't find resource", name)
	}
	out := map[string]any{"id": p.Name, "arn": p.ARN, "name": p.Name, "type": p.Str("type"), "value": p.Str("value"), "version": p.Value("version")}
	if p.Str("type") != "SecureString" {
		out["insecureValue"] = p.Str("value")
	}
	return out, nil
}

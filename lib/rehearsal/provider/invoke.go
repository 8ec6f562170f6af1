package provider

import (
	"context"
	"fmt"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"delivery/lib/rehearsal/cloud"
)

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
	out, err := s.host.invoke(session, r.GetTok(), p.values)
	if err != nil {
		return nil, status.Error(codes.Unknown, err.Error())
	}
	result, err := write(out, properties{}, nil, nil)
	return &pulumirpc.InvokeResponse{Return: result}, err
}

// invoke answers the functions that the programs call.
func (h *Host) invoke(session *cloud.Session, token string, args map[string]any) (map[string]any, error) {
	switch token {
	case "aws:index/getCallerIdentity:getCallerIdentity":
		if session == nil {
			return nil, fmt.Errorf("No valid credential sources found: the provider has no AWS credentials")
		}
		return map[string]any{"accountId": session.Account, "arn": session.ARN(), "userId": "AROA:" + session.Name, "id": session.Account}, nil
	case "aws:ssm/getParameter:getParameter":
		return h.getParameter(session, args)
	}
	return nil, fmt.Errorf("the local cloud does not know the function %s: describe it in lib/rehearsal/provider", token)
}

func (h *Host) getParameter(session *cloud.Session, args map[string]any) (map[string]any, error) {
	name, _ := args["name"].(string)
	if session == nil {
		return nil, fmt.Errorf("No valid credential sources found: the provider has no AWS credentials")
	}
	arn := arnOf("ssm", "parameter/")(session.Account, name)
	if err := h.cloud.Authorize(cloud.Call{Session: session, Action: "ssm:GetParameter", Resource: arn}); err != nil {
		return nil, err
	}
	p := h.cloud.ByARN(arn)
	if p == nil {
		return nil, fmt.Errorf("reading SSM Parameter (%s): couldn't find resource", name)
	}
	return map[string]any{"id": p.Name, "arn": p.ARN, "name": p.Name, "type": p.Str("type"), "value": p.Str("value"), "version": 1.0, "insecureValue": p.Str("value")}, nil
}

package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/rehearsal/cloud"
)

// server plays one plugin for one set of ambient credentials.
type server struct {
	pulumirpc.UnimplementedResourceProviderServer
	host     *Host
	plugin   string
	session  *cloud.Session
	profiles map[string]*cloud.Session
}

// Handshake implements pulumirpc.ResourceProviderServer.
func (s *server) Handshake(context.Context, *pulumirpc.ProviderHandshakeRequest) (*pulumirpc.ProviderHandshakeResponse, error) {
	return &pulumirpc.ProviderHandshakeResponse{AcceptSecrets: true, AcceptResources: true}, nil
}

// GetPluginInfo implements pulumirpc.ResourceProviderServer.
func (s *server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: plugins[s.plugin]}, nil
}

// Attach implements pulumirpc.ResourceProviderServer.
func (s *server) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Cancel implements pulumirpc.ResourceProviderServer.
func (s *server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// GetSchema implements pulumirpc.ResourceProviderServer.
func (s *server) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	text, err := schema(s.plugin, s.host.kinds)
	return &pulumirpc.GetSchemaResponse{Schema: text}, err
}

// Check implements pulumirpc.ResourceProviderServer.
func (s *server) Check(ctx context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	k, err := s.kind(r.GetUrn())
	if err != nil {
		return nil, err
	}
	news, err := read(r.GetNews())
	if err != nil {
		return nil, err
	}
	c := s.call(connectionOf(ctx), r.GetUrn(), news)
	out := &pulumirpc.CheckResponse{Inputs: r.GetNews()}
	for _, f := range k.check(c) {
		out.Failures = append(out.Failures, &pulumirpc.CheckFailure{Property: f.property, Reason: f.reason})
	}
	return out, nil
}

// Diff implements pulumirpc.ResourceProviderServer.
func (s *server) Diff(ctx context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	k, err := s.kind(r.GetUrn())
	if err != nil {
		return nil, err
	}
	old, err := read(firstStruct(r.GetOldInputs(), r.GetOlds()))
	if err != nil {
		return nil, err
	}
	news, err := read(r.GetNews())
	if err != nil {
		return nil, err
	}
	c := s.call(connectionOf(ctx), r.GetUrn(), news)
	c.Old = &cloud.Resource{ID: r.GetId(), Inputs: old.values}
	return k.diff(c, old, news, r.GetIgnoreChanges()), nil
}

// Create implements pulumirpc.ResourceProviderServer.
func (s *server) Create(ctx context.Context, r *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	k, err := s.kind(r.GetUrn())
	if err != nil {
		return nil, err
	}
	news, err := read(r.GetProperties())
	if err != nil {
		return nil, err
	}
	conn := connectionOf(ctx)
	c := s.call(conn, r.GetUrn(), news)
	if r.GetPreview() {
		props, err := write(k.knownOutputs(c, conn.defaults()), news, k.secretOutputs(news), k.computedOutputs())
		return &pulumirpc.CreateResponse{Properties: props}, err
	}
	made, err := s.host.create(k, c, conn.defaults())
	if err != nil {
		return nil, s.refusal(c, "create", err)
	}
	props, err := write(state(made), news, k.secretOutputs(news), nil)
	return &pulumirpc.CreateResponse{Id: made.ID, Properties: props}, err
}

// Update implements pulumirpc.ResourceProviderServer.
func (s *server) Update(ctx context.Context, r *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	k, err := s.kind(r.GetUrn())
	if err != nil {
		return nil, err
	}
	news, err := read(r.GetNews())
	if err != nil {
		return nil, err
	}
	conn := connectionOf(ctx)
	c := s.call(conn, r.GetUrn(), news)
	old, err := s.existingResource(c, k, r.GetId())
	if err != nil {
		return nil, s.refusal(c, "update", err)
	}
	c.adopt(old)
	if r.GetPreview() {
		props, err := write(k.previewOutputs(c, conn.defaults()), news, k.secretOutputs(news), nil)
		return &pulumirpc.UpdateResponse{Properties: props}, err
	}
	made, err := s.host.update(k, c, conn.defaults())
	if err != nil {
		return nil, s.refusal(c, "update", err)
	}
	props, err := write(state(made), news, k.secretOutputs(news), nil)
	return &pulumirpc.UpdateResponse{Properties: props}, err
}

// Delete implements pulumirpc.ResourceProviderServer.
func (s *server) Delete(ctx context.Context, r *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	k, err := s.kind(r.GetUrn())
	if err != nil {
		return nil, err
	}
	conn := connectionOf(ctx)
	c := s.call(conn, r.GetUrn(), properties{})
	if c.Account == "" {
		return nil, s.refusal(c, "delete", errUnconfigured)
	}
	old := s.host.cloud.Get(c.Account, k.Token, r.GetId())
	if old == nil {
		return &emptypb.Empty{}, nil // somebody was faster: providers take it as deleted
	}
	c.adopt(old)
	c.Inputs = old.Inputs
	if err := s.host.delete(k, c); err != nil {
		return nil, s.refusal(c, "delete", err)
	}
	return &emptypb.Empty{}, nil
}

// Read implements pulumirpc.ResourceProviderServer.
func (s *server) Read(ctx context.Context, r *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	k, err := s.kind(r.GetUrn())
	if err != nil {
		return nil, err
	}
	conn := connectionOf(ctx)
	c := s.call(conn, r.GetUrn(), properties{})
	if c.Account == "" {
		return nil, s.refusal(c, "read", errUnconfigured)
	}
	if err := s.host.strikeFault("read", c); err != nil {
		return nil, s.refusal(c, "read", err)
	}
	found := s.host.cloud.Get(c.Account, k.Token, r.GetId())
	if found == nil {
		return &pulumirpc.ReadResponse{}, nil
	}
	c.adopt(found)
	c.Inputs = found.Inputs
	if err := s.host.authorizeActions(k, c, k.Actions.Read); err != nil {
		return nil, s.refusal(c, "read", err)
	}
	old, err := read(firstStruct(r.GetInputs(), r.GetProperties()))
	if err != nil {
		return nil, err
	}
	inputs, err := write(found.Inputs, old, k.secretOutputs(old), nil)
	if err != nil {
		return nil, err
	}
	props, err := write(state(found), old, k.secretOutputs(old), nil)
	return &pulumirpc.ReadResponse{Id: found.ID, Inputs: inputs, Properties: props}, err
}

// kind finds the type of a URN.
func (s *server) kind(u string) (*Kind, error) {
	t := string(urn.URN(u).Type())
	if k := s.host.kinds[t]; k != nil && strings.HasPrefix(t, s.plugin+":") {
		return k, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "the local cloud does not know the resource type %s: add it to lib/rehearsal/provider", t)
}

func (s *server) call(conn *connection, u string, p properties) *Call {
	parsed := urn.URN(u)
	conn.mu.Lock()
	defer conn.mu.Unlock()
	return &Call{
		Cloud: s.host.cloud, Session: conn.session, Account: conn.account, URN: u,
		Stack:  fmt.Sprintf("organization/%s/%s", parsed.Project(), parsed.Stack()),
		Inputs: p.values, Unknown: p.unknown, partial: p.partial, secret: p.secret,
	}
}

// adopt makes a call one about a resource that exists.
func (c *Call) adopt(r *cloud.Resource) { c.Old, c.ID, c.ARN, c.Name = r, r.ID, r.ARN, r.Name }

// errUnconfigured is what an operation gets on a connection whose provider was
// never configured.
var errUnconfigured = errors.New("the provider was not configured")

func (s *server) existingResource(c *Call, k *Kind, id string) (*cloud.Resource, error) {
	if c.Account == "" {
		return nil, errUnconfigured
	}
	if old := s.host.cloud.Get(c.Account, k.Token, id); old != nil {
		return old, nil
	}
	return nil, apierr.BadRequest("NotFound", "%s %s does not exist in account %s", k.Token, id, c.Account)
}

// refusal puts an error into words as a provider does.
func (s *server) refusal(c *Call, verb string, err error) error {
	s.host.cloud.Journal.Add(cloud.Event{Kind: "resource", Subject: c.URN, Message: verb + " refused: " + err.Error()})
	return status.Error(codes.Unknown, err.Error())
}

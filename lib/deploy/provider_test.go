package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// thing is the one resource type of the provider: size can be changed, a
// change of name replaces, and tokens are secret.
const thing = "aws:test/thing:Thing"

// providerConfig is what the deployer sets of the provider's settings.
const providerConfig = `{"assumeRole":{"type":"object","additionalProperties":{"type":"string"}},"region":{"type":"string"},"allowedAccountIds":{"type":"array","items":{"type":"string"}}}`

// schema lists the types that YAML programs use: thing, and those of the
// sample workload.
const schema = `{"name":"aws","version":"6.83.4","meta":{"moduleFormat":"(.*)(?:/[^/]*)"},
"config":{"variables":` + providerConfig + `},"provider":{"inputProperties":` + providerConfig + `},
"resources":{
"aws:test/thing:Thing":{
"inputProperties":{"name":{"type":"string"},"size":{"type":"number"},"token":{"type":"string","secret":true}},"requiredInputs":["name"],
"properties":{"name":{"type":"string"},"size":{"type":"number"},"token":{"type":"string","secret":true}},"required":["name"]},
` + policySchema + `"aws:sns/topic:Topic":{"inputProperties":{"name":{"type":"string"}},"properties":{"name":{"type":"string"},"arn":{"type":"string"}},"required":["name","arn"]},
"aws:ssm/parameter:Parameter":{
"inputProperties":{"name":{"type":"string"},"type":{"type":"string"},"value":{"type":"string","secret":true}},"requiredInputs":["type"],
"properties":{"name":{"type":"string"},"type":{"type":"string"},"value":{"type":"string","secret":true},"arn":{"type":"string"}},"required":["name","arn"]}}}`

// provider plays "aws" for the engine tests: it keeps what was done and with
// which provider configuration.
type provider struct {
	pulumirpc.UnimplementedResourceProviderServer
	mu         sync.Mutex
	configured []string                    // JSON of each Configure
	operations []string                    // "create a", in order
	hook       func(op, name string) error // runs before each write
	canceled   chan struct{}               // closed when the engine was interrupted
	canceling  sync.Once
}

func newProvider() *provider { return &provider{canceled: make(chan struct{})} }

// untilCanceled waits until the engine knows that it was interrupted.
func (p *provider) untilCanceled() error {
	select {
	case <-p.canceled:
		return nil
	case <-time.After(time.Minute):
		return errors.New("the engine was never interrupted")
	}
}

// serve starts the provider and returns the value of PULUMI_DEBUG_PROVIDERS.
func (p *provider) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	pulumirpc.RegisterResourceProviderServer(s, p)
	go s.Serve(l) //nolint:errcheck // ends with Stop
	t.Cleanup(s.Stop)
	return fmt.Sprintf("aws:%d", l.Addr().(*net.TCPAddr).Port)
}

func (p *provider) done() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.operations...)
}

func (p *provider) write(op string, s *structpb.Struct) error {
	name := s.GetFields()["name"].GetStringValue()
	p.mu.Lock()
	hook := p.hook
	p.mu.Unlock()
	if hook != nil {
		if err := hook(op, name); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.operations = append(p.operations, op+" "+name)
	return nil
}

func (p *provider) Handshake(context.Context, *pulumirpc.ProviderHandshakeRequest) (*pulumirpc.ProviderHandshakeResponse, error) {
	return &pulumirpc.ProviderHandshakeResponse{AcceptSecrets: false}, nil
}

func (p *provider) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Cancel is called when the engine was interrupted.
func (p *provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	p.canceling.Do(func() { close(p.canceled) })
	return &emptypb.Empty{}, nil
}

func (p *provider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "6.83.4"}, nil
}

func (p *provider) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: schema}, nil
}

func (p *provider) CheckConfig(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.GetNews()}, nil
}

// DiffConfig answers as the bridge of pulumi-aws does: a change of the
// assumed role is an update of the provider and replaces nothing.
func (p *provider) DiffConfig(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return diffOf(r, ""), nil
}

func (p *provider) Configure(_ context.Context, r *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	b, err := json.Marshal(r.GetArgs().AsMap())
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.configured = append(p.configured, string(b))
	return &pulumirpc.ConfigureResponse{SupportsPreview: true}, nil
}

func (p *provider) Check(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.GetNews()}, nil
}

func (p *provider) Diff(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return diffOf(r, "name"), nil
}

func diffOf(r *pulumirpc.DiffRequest, replaces string) *pulumirpc.DiffResponse {
	out := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE, DetailedDiff: map[string]*pulumirpc.PropertyDiff{}, HasDetailedDiff: true}
	olds, news := r.GetOldInputs().GetFields(), r.GetNews().GetFields()
	keys := map[string]bool{}
	for k := range olds {
		keys[k] = true
	}
	for k := range news {
		keys[k] = true
	}
	for k := range keys {
		if fmt.Sprint(olds[k]) == fmt.Sprint(news[k]) {
			continue
		}
		out.Changes = pulumirpc.DiffResponse_DIFF_SOME
		out.Diffs = append(out.Diffs, k)
		kind := pulumirpc.PropertyDiff_UPDATE
		if k == replaces {
			kind = pulumirpc.PropertyDiff_UPDATE_REPLACE
			out.Replaces = append(out.Replaces, k)
		}
		out.DetailedDiff[k] = &pulumirpc.PropertyDiff{Kind: kind, InputDiff: true}
	}
	return out
}

func (p *provider) Create(_ context.Context, r *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if r.GetPreview() {
		return &pulumirpc.CreateResponse{Properties: r.GetProperties()}, nil
	}
	if err := p.write("create", r.GetProperties()); err != nil {
		return nil, err
	}
	id := "id-" + r.GetProperties().GetFields()["name"].GetStringValue()
	if r.GetType() != thing {
		r.GetProperties().Fields["arn"] = structpb.NewStringValue("arn:" + id)
		r.GetProperties().Fields["url"] = structpb.NewStringValue("url:" + id)
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: r.GetProperties()}, nil
}

func (p *provider) Update(_ context.Context, r *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	if !r.GetPreview() {
		if err := p.write("update", r.GetNews()); err != nil {
			return nil, err
		}
	}
	return &pulumirpc.UpdateResponse{Properties: r.GetNews()}, nil
}

func (p *provider) Delete(_ context.Context, r *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	if err := p.write("delete", r.GetProperties()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// setHook sets what runs before each write.
func (p *provider) setHook(hook func(op, name string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

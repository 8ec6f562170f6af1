package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"delivery.internal/lib/rehearsal/cloud"
)

// rig is a local cloud with its providers, called as an engine calls them.
type rig struct {
	t     *testing.T
	cloud *cloud.Cloud
	ports map[string]string
}

// newRig serves providers with the credentials of the delivery account's operator.
func newRig(t *testing.T) *rig {
	t.Helper()
	c := cloud.New()
	return serve(t, c, c.Operator(cloud.DeliveryAccount))
}

func serve(t *testing.T, c *cloud.Cloud, session *cloud.Session) *rig {
	t.Helper()
	attach, stop, err := NewHost(c).Serve(session, map[string]*cloud.Session{"dev": c.Operator(cloud.DevAccount)})
	require.NoError(t, err)
	t.Cleanup(stop)
	r := &rig{t: t, cloud: c, ports: map[string]string{}}
	for pair := range strings.SplitSeq(attach, ",") {
		name, port, _ := strings.Cut(pair, ":")
		r.ports[name] = port
	}
	return r
}

// instance is one configured provider on a connection of its own.
type instance struct {
	*rig
	pulumirpc.ResourceProviderClient
}

func (r *rig) connect(plugin string) instance {
	r.t.Helper()
	conn, err := grpc.NewClient("127.0.0.1:"+r.ports[plugin], grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = conn.Close() })
	return instance{r, pulumirpc.NewResourceProviderClient(conn)}
}

func (r *rig) configured(plugin string, config map[string]any) instance {
	r.t.Helper()
	i := r.connect(plugin)
	_, err := i.Configure(r.t.Context(), &pulumirpc.ConfigureRequest{Args: wire(r.t, config)})
	require.NoError(r.t, err)
	return i
}

// aws is a provider in the delivery account.
func (r *rig) aws() instance { return r.configured("aws", map[string]any{"region": cloud.Region}) }

// refused is the sentence with which a configuration is refused.
func (r *rig) refused(plugin string, config map[string]any) string {
	r.t.Helper()
	_, err := r.connect(plugin).Configure(r.t.Context(), &pulumirpc.ConfigureRequest{Args: wire(r.t, config)})
	require.Error(r.t, err)
	return err.Error()
}

func urnOf(tok, name string) string { return "urn:pulumi:dev::project::" + tok + "::" + name }

func wire(t *testing.T, values map[string]any) *structpb.Struct {
	t.Helper()
	props := resource.PropertyMap{}
	for k, v := range values {
		if p, ok := v.(resource.PropertyValue); ok {
			props[resource.PropertyKey(k)] = p
			continue
		}
		props[resource.PropertyKey(k)] = resource.NewPropertyValue(v)
	}
	s, err := plugin.MarshalProperties(props, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true})
	require.NoError(t, err)
	return s
}

func unwire(t *testing.T, s *structpb.Struct) resource.PropertyMap {
	t.Helper()
	m, err := plugin.UnmarshalProperties(s, plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true})
	require.NoError(t, err)
	return m
}

var (
	open   = resource.MakeComputed(resource.NewStringProperty(""))
	hidden = func(s string) resource.PropertyValue { return resource.MakeSecret(resource.NewStringProperty(s)) }
)

// failures are what Check says, one line each.
func (i instance) failures(tok string, inputs map[string]any) string {
	i.t.Helper()
	out, err := i.Check(i.t.Context(), &pulumirpc.CheckRequest{Urn: urnOf(tok, "x"), News: wire(i.t, inputs)})
	require.NoError(i.t, err)
	var lines []string
	for _, f := range out.GetFailures() {
		lines = append(lines, strings.TrimSpace(f.GetProperty()+" "+f.GetReason()))
	}
	return strings.Join(lines, "\n")
}

func (i instance) try(tok, name string, inputs map[string]any) (string, resource.PropertyMap, error) {
	i.t.Helper()
	out, err := i.Create(i.t.Context(), &pulumirpc.CreateRequest{Urn: urnOf(tok, name), Properties: wire(i.t, inputs)})
	if err != nil {
		return "", nil, err
	}
	return out.GetId(), unwire(i.t, out.GetProperties()), nil
}

func (i instance) create(tok, name string, inputs map[string]any) (string, resource.PropertyMap) {
	i.t.Helper()
	require.Empty(i.t, i.failures(tok, inputs))
	id, out, err := i.try(tok, name, inputs)
	require.NoError(i.t, err)
	return id, out
}

func (i instance) change(tok, id string, old, news map[string]any) error {
	i.t.Helper()
	_, err := i.Update(i.t.Context(), &pulumirpc.UpdateRequest{Id: id, Urn: urnOf(tok, "x"), OldInputs: wire(i.t, old), News: wire(i.t, news)})
	return err
}

func (i instance) remove(tok, id string) error {
	i.t.Helper()
	_, err := i.Delete(i.t.Context(), &pulumirpc.DeleteRequest{Id: id, Urn: urnOf(tok, "x")})
	return err
}

func (i instance) compare(tok string, old, news map[string]any) *pulumirpc.DiffResponse {
	i.t.Helper()
	out, err := i.Diff(i.t.Context(), &pulumirpc.DiffRequest{Id: "x", Urn: urnOf(tok, "x"), OldInputs: wire(i.t, old), News: wire(i.t, news)})
	require.NoError(i.t, err)
	return out
}

// Inputs with which the tests make things.

const trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func allowJSON(action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`, action, resource)
}

// with returns a copy with other values; nil takes a value away.
func with(inputs map[string]any, pairs ...any) map[string]any {
	out := map[string]any{}
	for k, v := range inputs {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		if out[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(out, pairs[i].(string))
		}
	}
	return out
}

package plantest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// Resource is one registration that the program made.
type Resource struct {
	// Type is the type token, for instance aws:sns/topic:Topic.
	Type string
	// Name is the logical name.
	Name string
	// Custom is false for a component.
	Custom bool
	// Parent is the URN of the parent.
	Parent string
	// Provider is the reference of an explicit provider, "" for a default one.
	Provider string
	// Inputs are the plain inputs; secrets are unwrapped and named in Secrets.
	Inputs map[string]any
	// Secrets are the top-level inputs that hold a secret, at any depth.
	Secrets []string
	// Protect and Retain are the resource options that forbid a destroy.
	Protect, Retain bool
	// DeleteBeforeReplace is the resource option of that name.
	DeleteBeforeReplace bool
}

// String returns the type and the logical name, for messages.
func (r Resource) String() string { return r.Type + " " + r.Name }

// Text returns a top-level input that is a string, "" for anything else.
func (r Resource) Text(key string) string {
	s, _ := r.Inputs[key].(string)
	return s
}

// Option changes how a program is run.
type Option func(*monitor)

// Call answers a provider function (invoke), for instance
// "aws:ssm/getParameter:getParameter", with a result.
func Call(token string, result map[string]any) Option {
	return func(m *monitor) { m.calls[token] = result }
}

// Output overrides or adds computed outputs of a type, by the logical name, or
// of all its resources where the name is "".
func Output(typ, name string, outputs map[string]any) Option {
	return func(m *monitor) { m.outputs[typ+" "+name] = outputs }
}

// Run runs a program that must succeed and returns what it registered, in the
// order of registration. The configuration has full keys ("shared:key"); the
// stack outputs are keyed by "project/stack", with or without "organization/".
func Run(t testing.TB, project, stack string, config map[string]string, program pulumi.RunFunc, stackOutputs map[string]map[string]any, opts ...Option) []Resource {
	t.Helper()
	rs, err := Try(project, stack, config, program, stackOutputs, opts...)
	require.NoError(t, err)
	return rs
}

// Try is Run for programs that are expected to fail.
func Try(project, stack string, config map[string]string, program pulumi.RunFunc, stackOutputs map[string]map[string]any, opts ...Option) ([]Resource, error) {
	m := &monitor{stacks: map[string]map[string]any{}, calls: map[string]map[string]any{}, outputs: map[string]map[string]any{}}
	for name, outputs := range stackOutputs {
		m.stacks[strings.TrimPrefix(name, "organization/")] = outputs
	}
	for _, o := range opts {
		o(m)
	}
	withConfig := func(info *pulumi.RunInfo) { info.Config = config }
	// Where a read fails, the SDK reports that and drops the program's error.
	var own error
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		own = program(ctx)
		return own
	}, pulumi.WithMocks(project, stack, m), withConfig)
	if err != nil {
		err = errors.Join(own, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.resources, err
}

// OfType returns the resources of a type.
func OfType(rs []Resource, typ string) []Resource {
	var out []Resource
	for _, r := range rs {
		if r.Type == typ {
			out = append(out, r)
		}
	}
	return out
}

// One returns the only resource of a type whose logical name contains a text.
func One(t testing.TB, rs []Resource, typ, name string) Resource {
	t.Helper()
	var found []Resource
	for _, r := range OfType(rs, typ) {
		if strings.Contains(r.Name, name) {
			found = append(found, r)
		}
	}
	require.Len(t, found, 1, "resources of type %s named like %q", typ, name)
	return found[0]
}

// monitor is the engine's side of the mocks.
type monitor struct {
	mu        sync.Mutex
	resources []Resource
	stacks    map[string]map[string]any
	calls     map[string]map[string]any
	outputs   map[string]map[string]any
}

// Call implements pulumi.MockResourceMonitor.
func (m *monitor) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if result, ok := m.calls[args.Token]; ok {
		return resource.NewPropertyMapFromMap(result), nil
	}
	if result, ok := knownCalls[args.Token]; ok {
		return resource.NewPropertyMapFromMap(result), nil
	}
	return nil, fmt.Errorf("plantest: function %s is not known: pass plantest.Call(%q, …)", args.Token, args.Token)
}

// NewResource implements pulumi.MockResourceMonitor.
func (m *monitor) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if args.TypeToken == "pulumi:pulumi:StackReference" {
		return m.readStack(args)
	}
	inputs, secrets := plain(args.Inputs)
	r := Resource{Type: args.TypeToken, Name: args.Name, Custom: args.Custom, Provider: args.Provider, Inputs: inputs, Secrets: secrets}
	if rpc := args.RegisterRPC; rpc != nil {
		r.Parent, r.Protect, r.Retain = rpc.GetParent(), rpc.GetProtect(), rpc.GetRetainOnDelete()
		r.DeleteBeforeReplace = rpc.GetDeleteBeforeReplace()
	}
	m.mu.Lock()
	m.resources = append(m.resources, r)
	m.mu.Unlock()
	if !args.Custom {
		return "", args.Inputs, nil
	}
	id, computed := computed(r)
	state := args.Inputs.Copy()
	for _, more := range []map[string]any{computed, m.outputs[r.Type+" "], m.outputs[r.Type+" "+r.Name]} {
		for k, v := range resource.NewPropertyMapFromMap(more) {
			state[k] = v
		}
	}
	return id, state, nil
}

func (m *monitor) readStack(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	name := args.ID
	if v, ok := args.Inputs["name"]; ok && v.IsString() {
		name = v.StringValue()
	}
	outputs, ok := m.stacks[strings.TrimPrefix(name, "organization/")]
	if !ok {
		return "", nil, fmt.Errorf("unknown stack %q", name)
	}
	return name, resource.NewPropertyMapFromMap(map[string]any{"name": name, "outputs": outputs}), nil
}

// plain turns inputs into plain Go values and lists the secret ones.
func plain(in resource.PropertyMap) (map[string]any, []string) {
	out := map[string]any{}
	var secrets []string
	for k, v := range in {
		if v.ContainsSecrets() {
			secrets = append(secrets, string(k))
		}
		out[string(k)] = plainValue(v)
	}
	return out, secrets
}

func plainValue(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return plainValue(v.SecretValue().Element)
	case v.IsOutput():
		return plainValue(v.OutputValue().Element)
	case v.IsArray():
		list := []any{}
		for _, e := range v.ArrayValue() {
			list = append(list, plainValue(e))
		}
		return list
	case v.IsObject():
		m, _ := plain(v.ObjectValue())
		return m
	}
	return v.V
}

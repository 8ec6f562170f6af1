package provider

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"delivery.internal/lib/rehearsal/cloud"
)

// The versions that the played plugins claim: those that lib/go.mod pins.
var plugins = map[string]string{"aws": "6.83.4", "github": "6.7.2", "random": "4.18.2"}

// Host serves providers of one local cloud.
type Host struct {
	cloud *cloud.Cloud
	kinds map[string]*Kind

	mu       sync.Mutex
	reserved map[string]bool // names and slots of resources that are being created
}

// NewHost returns a Host.
func NewHost(c *cloud.Cloud) *Host {
	return &Host{cloud: c, kinds: registry(), reserved: map[string]bool{}}
}

// Types lists the resource types that are known, sorted.
func Types() []string {
	var out []string
	for t := range registry() {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// Serve opens the providers for one set of ambient credentials and returns
// the value of PULUMI_DEBUG_PROVIDERS that attaches them. The profiles are
// what `profile` in a provider's configuration may name. stop ends them.
func (h *Host) Serve(session *cloud.Session, profiles map[string]*cloud.Session) (debugProviders string, stop func(), err error) {
	var attach []string
	var servers []*grpc.Server
	stop = func() {
		for _, s := range servers {
			s.Stop()
		}
	}
	for _, name := range []string{"aws", "github", "random"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			stop()
			return "", nil, fmt.Errorf("the provider %s can't listen on this machine: %w", name, err)
		}
		s := grpc.NewServer(grpc.StatsHandler(connections{}), grpc.MaxRecvMsgSize(maxMessage))
		pulumirpc.RegisterResourceProviderServer(s, &server{host: h, plugin: name, session: session, profiles: profiles})
		servers = append(servers, s)
		go func() { _ = s.Serve(listener) }() // ends with Stop
		attach = append(attach, fmt.Sprintf("%s:%d", name, listener.Addr().(*net.TCPAddr).Port))
	}
	return strings.Join(attach, ","), stop, nil
}

// maxMessage is the engine's own limit on messages, in bytes.
const maxMessage = 400 << 20

// connection is what one provider instance of one engine is configured with.
// Attached providers are shared by all instances and engines, but each opens a
// connection of its own.
type connection struct {
	mu      sync.Mutex
	session *cloud.Session
	account string
	tags    map[string]any
}

// defaults are the default tags of the provider.
func (c *connection) defaults() map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tags
}

type connectionKey struct{}

// connections gives every connection a place for its configuration.
type connections struct{}

func (connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{})
}
func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (connections) HandleRPC(context.Context, stats.RPCStats)                       {}
func (connections) HandleConn(context.Context, stats.ConnStats)                     {}

func connectionOf(ctx context.Context) *connection {
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok {
		return c
	}
	return &connection{}
}

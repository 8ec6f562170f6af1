package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/settings"
)

// fakeStack is what the fake CLI keeps of a stack.
type fakeStack struct {
	Secrets   string            `json:"secrets"`
	Resources map[string]string `json:"resources"`
	Pending   []string          `json:"pending"`
}

// fakeCLI behaves like pulumi on backends that are folders, as far as the
// platform uses it, and refuses what pulumi refuses. Bootstrap's `up` makes the
// bucket's folder, its `destroy` removes it.
type fakeCLI struct {
	bucket string
	calls  []string
	// cut is asked before and after every call; an error ends the run there.
	cut func(call int, after bool) error
}

var errCut = errors.New("cut off")

func (f *fakeCLI) Run(_ context.Context, c pulumicli.Command) error {
	f.calls = append(f.calls, strings.Join(c.Args, " "))
	n := len(f.calls)
	if f.cut != nil {
		if err := f.cut(n, false); err != nil {
			return err
		}
	}
	if err := f.do(c); err != nil {
		fmt.Fprintln(c.Stderr, "error:", err)
		return fmt.Errorf("exit status 1")
	}
	if f.cut != nil {
		return f.cut(n, true)
	}
	return nil
}

func (f *fakeCLI) do(c pulumicli.Command) error {
	dir := strings.TrimPrefix(value(c.Env, "PULUMI_BACKEND_URL"), "file://")
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("NoSuchBucket: %w", err)
	}
	project := strings.ReplaceAll(filepath.Base(c.Dir), "/", "-")
	file := filepath.Join(dir, project+"_"+filepath.Base(after(c.Args, "--stack"))+".json")
	stack, err := load(file)
	if slices.Contains(c.Args, "init") {
		if err == nil {
			return errors.New("stack already exists")
		}
		return save(file, fakeStack{Secrets: kind(after(c.Args, "--secrets-provider"))})
	}
	if slices.Contains(c.Args, "ls") {
		return list(dir, c)
	}
	if err != nil {
		return errors.New("no stack named 'x' found")
	}
	return f.onStack(c, project, file, stack)
}

func (f *fakeCLI) onStack(c pulumicli.Command, project, file string, stack fakeStack) error {
	switch verb := strings.Join(c.Args[:min(2, len(c.Args))], " "); {
	case project == "shared" && slices.Contains([]string{"up", "destroy"}, c.Args[0]) && value(c.Env, "GITHUB_TOKEN") == "":
		return errors.New("401 Requires authentication []")
	case c.Args[0] == "up":
		stack.Resources = map[string]string{"urn:" + project: "id", "urn:" + project + "-stack": ""}
		if project == "bootstrap" {
			if err := os.MkdirAll(f.bucket, 0o700); err != nil {
				return err
			}
		}
		return save(file, stack)
	case c.Args[0] == "destroy":
		stack.Resources = nil
		if err := save(file, stack); err != nil || project != "bootstrap" {
			return err
		}
		return os.RemoveAll(f.bucket)
	case verb == "stack export":
		return export(c, stack)
	case verb == "stack import":
		text, err := os.ReadFile(after(c.Args, "--file"))
		if err != nil {
			return err
		}
		imported, err := parse(text)
		if err != nil {
			return err
		}
		return save(file, imported)
	case verb == "stack change-secrets-provider":
		stack.Secrets = kind(c.Args[2])
		return save(file, stack)
	case verb == "stack rm":
		if len(stack.Resources) > 0 && !slices.Contains(c.Args, "--force") {
			return errors.New("stack still has resources")
		}
		return os.Remove(file)
	}
	return fmt.Errorf("the fake does not know %v", c.Args)
}

func list(dir string, c pulumicli.Command) error {
	files, err := filepath.Glob(filepath.Join(dir, "*_*.json"))
	if err != nil {
		return err
	}
	stacks := []map[string]any{}
	for _, f := range files {
		s, err := load(f)
		if err != nil {
			return err
		}
		name := strings.Replace(strings.TrimSuffix(filepath.Base(f), ".json"), "_", "/", 1)
		stacks = append(stacks, map[string]any{"name": "organization/" + name, "resourceCount": len(s.Resources)})
	}
	return json.NewEncoder(c.Stdout).Encode(stacks)
}

func export(c pulumicli.Command, s fakeStack) error {
	resources, pending := []map[string]string{}, []map[string]any{}
	for urn, id := range s.Resources {
		resources = append(resources, map[string]string{"urn": urn, "id": id})
	}
	for _, urn := range s.Pending {
		pending = append(pending, map[string]any{"type": "creating", "resource": map[string]string{"urn": urn}})
	}
	return json.NewEncoder(c.Stdout).Encode(map[string]any{"deployment": map[string]any{
		"secrets_providers": map[string]string{"type": s.Secrets}, "resources": resources, "pending_operations": pending}})
}

func parse(text []byte) (fakeStack, error) {
	var e struct {
		Deployment struct {
			Secrets   struct{ Type string } `json:"secrets_providers"`
			Resources []struct{ URN, ID string }
		}
	}
	err := json.Unmarshal(text, &e)
	s := fakeStack{Secrets: e.Deployment.Secrets.Type, Resources: map[string]string{}}
	for _, r := range e.Deployment.Resources {
		s.Resources[r.URN] = r.ID
	}
	return s, err
}

func kind(provider string) string {
	if strings.Contains(provider, "://") {
		return "cloud"
	}
	return provider
}

func load(file string) (fakeStack, error) {
	var s fakeStack
	text, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

func save(file string, s fakeStack) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

func value(env []string, name string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

func after(args []string, flag string) string {
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// folders is a Storage whose buckets are folders below one.
type folders struct {
	root   string
	denied error
	keys   map[string][]string
}

func (f folders) Exists(_ context.Context, bucket string) (bool, error) {
	if f.denied != nil {
		return false, f.denied
	}
	if len(f.keys[bucket]) > 0 {
		return true, nil
	}
	_, err := os.Stat(filepath.Join(f.root, bucket))
	return err == nil, nil
}

func (f folders) Keys(_ context.Context, bucket, prefix string) ([]string, error) {
	return f.keys[bucket], nil
}

// installation is a configured checkout with a fake CLI.
type installation struct {
	cli     *fakeCLI
	storage folders
	config  platform.Config
	root    string
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bootstrap", "shared", "targets", "environments/dev", "environments/staging", "environments/prod"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, platform.Configure(root, values()))
	bucket := filepath.Join(root, "buckets", "state-bucket-shared-a1b2")
	i := &installation{cli: &fakeCLI{bucket: bucket}, storage: folders{root: filepath.Join(root, "buckets")}, root: root}
	i.config = platform.Config{Root: root, Suffix: "a1b2", Environment: platform.RehearsalEnvironment([]string{"PATH=/nowhere", "GITHUB_TOKEN=t"}), Backend: "file://" + bucket}
	return i
}

func values() platform.Values {
	return platform.Values{
		Suffix: "a1b2", Repository: "acme/infrastructure", Owners: []string{"platform@example.com"},
		Accounts: settings.RehearsalAccounts(), AdminRole: "PlatformAdministrator", Rehearsal: true,
	}
}

func (i *installation) open(t *testing.T) *platform.Platform {
	t.Helper()
	c := i.config
	c.Runner, c.Storage = i.cli, i.storage
	p, err := platform.New(c)
	require.NoError(t, err)
	return p
}

func (i *installation) localFolder() string { return filepath.Join(i.root, ".bootstrap", "a1b2") }

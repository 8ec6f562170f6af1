package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"gopkg.in/yaml.v3"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/settings"
)

// projects are the folders of the projects.
func projects() []string {
	out := []string{"bootstrap", "targets", "shared"}
	for _, env := range naming.Environments() {
		out = append(out, "environments/"+string(env))
	}
	return out
}

// programs is where the compiled programs are kept, so that only a change is
// linked again.
func programs(root string) string { return filepath.Join(root, "dist", "programs") }

// BuildPrograms compiles the six projects, as `pulumi up` would at each run,
// and the sample workload's packages into Go's cache, as the build image does.
func BuildPrograms(ctx context.Context, root string) error {
	if err := os.MkdirAll(programs(root), 0o755); err != nil {
		return err
	}
	args := []string{"build", "-o", programs(root) + string(filepath.Separator)}
	for _, p := range projects() {
		args = append(args, "./"+p)
	}
	if err := goCommand(ctx, root, nil, args...); err != nil {
		return fmt.Errorf("the projects can't be compiled: %w", err)
	}
	// A program of a workload is compiled inside the build: what is warm in
	// the image's cache has to be warm here.
	workload := filepath.Join(root, sample, "orders")
	if err := goCommand(ctx, workload, []string{"GOWORK=off"}, "build", "-o", os.DevNull, "."); err != nil {
		return fmt.Errorf("the sample workload can't be compiled: %w", err)
	}
	return nil
}

// sample is the folder of the sample workload.
var sample = filepath.Join("examples", "infrastructure")

func goCommand(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// goEnv is what a build needs to compile Go programs with this machine's
// toolchain and caches, which stand for those of the build image.
type goEnv struct {
	bin  string
	vars []string
}

func goEnvironment(ctx context.Context) (goEnv, error) {
	names := []string{"GOROOT", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOFLAGS", "GOTOOLCHAIN"}
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, names...)...)
	cmd.Dir = os.TempDir() // outside of any workspace
	text, err := cmd.Output()
	if err != nil {
		return goEnv{}, fmt.Errorf("go env can't be run (%w): Go must be on the PATH", err)
	}
	values := map[string]string{}
	if err := json.Unmarshal(text, &values); err != nil {
		return goEnv{}, err
	}
	out := goEnv{bin: filepath.Join(values["GOROOT"], "bin")}
	for _, name := range names {
		if v := values[name]; v != "" && name != "GOROOT" {
			out.vars = append(out.vars, name+"="+v)
		}
	}
	return out, nil
}

// Configure is `make configure`: it writes the projects' settings, and what a
// rehearsal sets beyond a user's few values.
func (r *Rehearsal) Configure(ctx context.Context) error {
	for _, p := range projects() {
		if err := r.placeProject(p); err != nil {
			return err
		}
	}
	if err := platform.Configure(r.workspace(), platform.Values{
		Suffix: r.Suffix, Repository: Repository, Branch: Branch, Owners: []string{Owner},
		Accounts: settings.RehearsalAccounts(), AdminRole: cloud.AdminRole, Rehearsal: true,
	}); err != nil {
		return err
	}
	for key, value := range map[string]string{
		"shared:lambdaArchitecture": lambdaArchitecture(),
		// The attached provider has another working directory than a plugin.
		"shared:lambdaDirectory": filepath.Join(r.Root, "dist", "lambda"),
		"shared:imageContext":    filepath.Join(r.Root, "dist", "image"),
	} {
		if err := r.SetConfig("shared", key, value); err != nil {
			return err
		}
	}
	return nil
}

// lambdaArchitecture is this machine's: the functions run on it.
func lambdaArchitecture() string {
	if goruntime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// starter is a Go program that becomes another one: the language host compiles
// it at every update, where it would compile and link all of a project.
const starter = `package main

import (
	"os"
	"syscall"
)

func main() { panic(syscall.Exec(%[1]q, append([]string{%[1]q}, os.Args[1:]...), os.Environ())) }
`

// placeProject copies a project's Pulumi.yaml, beside a Go program that starts
// the compiled one.
func (r *Rehearsal) placeProject(project string) error {
	text, err := os.ReadFile(filepath.Join(r.Root, project, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	dir := r.ProjectDir(project)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"Pulumi.yaml": string(text),
		"go.mod":      "module program\n\ngo 1.26\n",
		"main.go":     fmt.Sprintf(starter, filepath.Join(programs(r.Root), filepath.Base(project))),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ProjectDir is the folder of a project, such as "environments/dev".
func (r *Rehearsal) ProjectDir(project string) string {
	return filepath.Join(r.workspace(), filepath.FromSlash(project))
}

// SetConfig sets a key in the settings of a project's stack.
func (r *Rehearsal) SetConfig(project, key string, value any) error {
	stack := r.Suffix
	dir, env, isTarget := strings.Cut(project, "/")
	if isTarget && dir == "targets" {
		project, stack = dir, env
	}
	path := filepath.Join(r.ProjectDir(project), "Pulumi."+stack+".yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	doc := map[string]any{}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	config, ok := doc["config"].(map[string]any)
	if !ok {
		config = map[string]any{}
		doc["config"] = config
	}
	config[key] = value
	if text, err = yaml.Marshal(doc); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

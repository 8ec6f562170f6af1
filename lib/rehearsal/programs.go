package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"delivery.internal/lib/platform"
	"delivery.internal/lib/promotion"
)

// projects are the folders of the projects.
func projects(environments promotion.Environments) []string {
	out := []string{"bootstrap", "targets", "shared"}
	for _, env := range environments.Names() {
		out = append(out, "environments/"+string(env))
	}
	return out
}

// programs is where the compiled programs are kept, so that only a change is
// linked again.
func programs(root string) string { return filepath.Join(root, "dist", "programs") }

// BuildPrograms compiles the projects, as `pulumi up` would at each run,
// and the sample workload's packages into Go's cache, as the build image does.
func BuildPrograms(ctx context.Context, root string) error {
	environments, err := platform.Environments(root, "")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(programs(root), 0o755); err != nil {
		return err
	}
	args := []string{"build", "-o", programs(root) + string(filepath.Separator)}
	for _, p := range projects(environments) {
		args = append(args, "./"+p)
	}
	if err := goCommand(ctx, root, nil, args...); err != nil {
		return fmt.Errorf("the projects can't be compiled: %w", err)
	}
	// A program of a workload is compiled inside the build: what is warm in
	// the image's cache has to be warm here.
	workload := filepath.Join(SampleFolder(root), "orders")
	if err := goCommand(ctx, workload, []string{"GOWORK=off"}, "build", "-o", os.DevNull, "."); err != nil {
		return fmt.Errorf("the sample workload can't be compiled: %w", err)
	}
	return nil
}

// SampleFolder is the folder of the sample workload in the repository.
func SampleFolder(root string) string { return filepath.Join(root, "examples", "infrastructure") }

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
func (r *Rig) placeProject(project string) error {
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
func (r *Rig) ProjectDir(project string) string {
	return filepath.Join(r.Workspace(), filepath.FromSlash(project))
}

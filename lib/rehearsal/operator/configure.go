package operator

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"gopkg.in/yaml.v3"

	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/cloud"
)

// Configure is `make configure`: it writes the projects' settings, and what a
// rehearsal sets beyond a user's few values.
func (o *Operator) Configure(context.Context) error {
	if err := platform.Configure(o.rig.Workspace(), platform.Values{
		Suffix: o.rig.Suffix, Repository: rehearsal.RepositoryName, Branch: rehearsal.Branch, Owners: []string{rehearsal.Owner},
		Environments: o.rig.Environments, AdminRole: cloud.AdminRole, Rehearsal: true,
	}); err != nil {
		return err
	}
	for key, value := range map[string]string{
		"shared:lambdaArchitecture": lambdaArchitecture(),
		// The attached provider has another working directory than a plugin.
		"shared:lambdaDirectory": filepath.Join(o.rig.Root, "dist", "lambda"),
		"shared:imageContext":    filepath.Join(o.rig.Root, "dist", "image"),
	} {
		if err := o.SetConfig("shared", key, value); err != nil {
			return err
		}
	}
	return nil
}

// lambdaArchitecture is this machine's: the functions run on it.
func lambdaArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// SetConfig sets a key in the settings of a project's stack.
func (o *Operator) SetConfig(project, key string, value any) error {
	stack := o.rig.Suffix
	dir, env, isTarget := strings.Cut(project, "/")
	if isTarget && dir == "targets" {
		project, stack = dir, env
	}
	path := filepath.Join(o.rig.ProjectDir(project), "Pulumi."+stack+".yaml")
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

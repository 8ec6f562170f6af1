package provider

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Keys of a build specification. See "Build specification reference for
// CodeBuild".
var (
	specKeys      = []string{"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"}
	specPhases    = []string{"install", "pre_build", "build", "post_build"}
	specPhaseKeys = []string{"run-as", "on-failure", "runtime-versions", "commands", "finally"}
	specEnvKeys   = []string{"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"}
	specOutKeys   = []string{"files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix", "secondary-artifacts"}
	specFailure   = regexp.MustCompile(`^(ABORT|CONTINUE|RETRY(-.+)?)$`)
)

// CheckBuildspec says why CodeBuild would refuse an inline build specification
// at the start of a build.
func CheckBuildspec(text string) error {
	spec, err := parseBuildspec(text)
	if err != nil {
		return err
	}
	f := &failed{}
	f.only("buildspec", spec, specKeys)
	version := fmt.Sprint(spec["version"])
	f.when(version != "0.1" && version != "0.2", "YAML_FILE_ERROR: version is %v: expected 0.2", spec["version"])
	phases, _ := spec["phases"].(map[string]any)
	f.when(len(phases) == 0, "YAML_FILE_ERROR: phases is missing")
	f.only("phases", phases, specPhases)
	for _, name := range slices.Sorted(maps.Keys(phases)) {
		checkPhase(f, name, phases[name])
	}
	env, _ := spec["env"].(map[string]any)
	f.only("env", env, specEnvKeys)
	if out, ok := spec["artifacts"].(map[string]any); ok {
		f.only("artifacts", out, specOutKeys)
		f.when(len(texts(out["files"])) == 0 && out["secondary-artifacts"] == nil, "YAML_FILE_ERROR: artifacts has no files")
	}
	return f.err()
}

func parseBuildspec(text string) (map[string]any, error) {
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(text), &spec); err != nil {
		return nil, fmt.Errorf("YAML_FILE_ERROR: %w", err)
	}
	return spec, nil
}

func checkPhase(f *failed, name string, value any) {
	phase, ok := value.(map[string]any)
	if !ok {
		f.add("YAML_FILE_ERROR: phase %s is no mapping", name)
		return
	}
	f.only("phase "+name, phase, specPhaseKeys)
	commands, _ := phase["commands"].([]any)
	f.when(len(commands) == 0 && !(name == "install" && phase["runtime-versions"] != nil), "YAML_FILE_ERROR: phase %s has no commands", name)
	for i, c := range commands {
		_, isText := c.(string)
		f.when(!isText, "YAML_FILE_ERROR: phase %s: command %d is no text: quote it", name, i)
	}
	if onFailure, set := phase["on-failure"].(string); set {
		f.when(!specFailure.MatchString(onFailure), "YAML_FILE_ERROR: phase %s has on-failure %q: expected ABORT, CONTINUE or RETRY", name, onFailure)
	}
}

func (f *failed) only(what string, m map[string]any, known []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		f.when(!slices.Contains(known, k), "YAML_FILE_ERROR: %s has the unknown key %s: expected %s", what, k, strings.Join(known, ", "))
	}
}

// exportedVariables are the variables that a build hands to its pipeline.
func exportedVariables(text string) []string {
	spec, err := parseBuildspec(text)
	if err != nil {
		return nil
	}
	env, _ := spec["env"].(map[string]any)
	return texts(env["exported-variables"])
}

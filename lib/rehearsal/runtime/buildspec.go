package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// buildspec is a build specification. Fields that are known to CodeBuild but
// not played are errors: see played. The format is that of "Build
// specification reference for CodeBuild".
type buildspec struct {
	Version any    `yaml:"version"`
	RunAs   string `yaml:"run-as"`
	Env     struct {
		Shell          string            `yaml:"shell"`
		Variables      map[string]string `yaml:"variables"`
		ParameterStore map[string]string `yaml:"parameter-store"`
		Secrets        map[string]string `yaml:"secrets-manager"`
		Exported       []string          `yaml:"exported-variables"`
		GitHelper      string            `yaml:"git-credential-helper"`
	} `yaml:"env"`
	Phases    map[string]phaseSpec `yaml:"phases"`
	Artifacts *artifactSpec        `yaml:"artifacts"`
	Reports   map[string]any       `yaml:"reports"`
	Cache     map[string]any       `yaml:"cache"`
	Proxy     map[string]any       `yaml:"proxy"`
	Batch     map[string]any       `yaml:"batch"`
}

type phaseSpec struct {
	RunAs     string         `yaml:"run-as"`
	OnFailure string         `yaml:"on-failure"`
	Runtimes  map[string]any `yaml:"runtime-versions"`
	Commands  []string       `yaml:"commands"`
	Finally   []string       `yaml:"finally"`
}

type artifactSpec struct {
	Files     []string       `yaml:"files"`
	Exclude   []string       `yaml:"exclude-paths"`
	Base      string         `yaml:"base-directory"`
	Discard   string         `yaml:"discard-paths"`
	Name      string         `yaml:"name"`
	Links     string         `yaml:"enable-symlinks"`
	Secondary map[string]any `yaml:"secondary-artifacts"`
}

// phaseNames are the phases that a buildspec can have, in order.
var phaseNames = []string{"install", "pre_build", "build", "post_build"}

// parseBuildspec reads a buildspec and refuses what CodeBuild would refuse, or
// what is not played.
func parseBuildspec(text string) (buildspec, error) {
	var s buildspec
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return s, fail("YAML_FILE_ERROR", "the buildspec can't be read: %v", err)
	}
	if v := fmt.Sprint(s.Version); v != "0.2" {
		return s, fail("YAML_FILE_ERROR", "the buildspec has the version %s: expected 0.2", v)
	}
	if len(s.Phases) == 0 {
		return s, fail("YAML_FILE_ERROR", "the buildspec has no phases")
	}
	for name, p := range s.Phases {
		if !slices.Contains(phaseNames, name) {
			return s, fail("YAML_FILE_ERROR", "the buildspec has the unknown phase %s", name)
		}
		if len(p.Commands) == 0 && len(p.Runtimes) == 0 {
			return s, fail("YAML_FILE_ERROR", "the phase %s has no commands", name)
		}
		if f := p.OnFailure; f != "" && f != "ABORT" && f != "CONTINUE" {
			return s, fail("NotPlayed", "on-failure %s of the phase %s is not played by the local cloud: expected ABORT or CONTINUE", f, name)
		}
	}
	return s, s.played()
}

func (s buildspec) played() error {
	var errs []error
	for what, given := range map[string]bool{
		"env.parameter-store": len(s.Env.ParameterStore) > 0, "env.secrets-manager": len(s.Env.Secrets) > 0,
		"env.git-credential-helper": s.Env.GitHelper == "yes", "reports": len(s.Reports) > 0, "batch": len(s.Batch) > 0,
		"artifacts.secondary-artifacts": s.Artifacts != nil && len(s.Artifacts.Secondary) > 0,
	} {
		if given {
			errs = append(errs, fail("NotPlayed", "%s of a buildspec is not played by the local cloud", what))
		}
	}
	return errors.Join(errs...)
}

// isInline says whether a project's buildspec is the text itself or a path.
func isInline(text string) bool { return strings.ContainsAny(text, "\n{") }

// Package buildspec reads the build specifications of CodeBuild: what it
// refuses CodeBuild refuses at the start of a build (YAML_FILE_ERROR). It runs
// nothing, and does not know which features an emulation has.
//
// The format is that of "Build specification reference for CodeBuild",
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html.
package buildspec

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Spec is a build specification.
type Spec struct {
	// Version is 0.2. CodeBuild still reads 0.1, in which every command gets a
	// shell of its own: what is written for the one does not run in the other.
	Version string `yaml:"version"`
	// RunAs is the user of all commands, root where empty.
	RunAs     string           `yaml:"run-as"`
	Env       Env              `yaml:"env"`
	Phases    map[string]Phase `yaml:"phases"`
	Artifacts *Artifacts       `yaml:"artifacts"`
	Reports   map[string]any   `yaml:"reports"`
	Cache     map[string]any   `yaml:"cache"`
	Proxy     map[string]any   `yaml:"proxy"`
	Batch     map[string]any   `yaml:"batch"`
}

// Env is the section env.
type Env struct {
	// Shell is bash, sh, or on Windows powershell.exe or cmd.exe; sh where empty.
	Shell          string            `yaml:"shell"`
	Variables      map[string]string `yaml:"variables"`
	ParameterStore map[string]string `yaml:"parameter-store"`
	Secrets        map[string]string `yaml:"secrets-manager"`
	// Exported are the variables that a pipeline's later actions can use.
	Exported []string `yaml:"exported-variables"`
	// GitHelper is yes or no.
	GitHelper string `yaml:"git-credential-helper"`
}

// Phase is one of the sections under phases.
type Phase struct {
	RunAs string `yaml:"run-as"`
	// OnFailure is ABORT, CONTINUE, or RETRY with a count or a pattern.
	OnFailure string         `yaml:"on-failure"`
	Runtimes  map[string]any `yaml:"runtime-versions"`
	Commands  []string       `yaml:"commands"`
	Finally   []string       `yaml:"finally"`
}

// Artifacts is the section artifacts.
type Artifacts struct {
	Files     []string       `yaml:"files"`
	Exclude   []string       `yaml:"exclude-paths"`
	Base      string         `yaml:"base-directory"`
	Discard   string         `yaml:"discard-paths"`
	Name      string         `yaml:"name"`
	Links     string         `yaml:"enable-symlinks"`
	Prefix    string         `yaml:"s3-prefix"`
	Secondary map[string]any `yaml:"secondary-artifacts"`
}

// Phases are the names of the phases, in the order in which they run.
var Phases = []string{"install", "pre_build", "build", "post_build"}

// The keys of each section.
var (
	topKeys      = []string{"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"}
	phaseKeys    = []string{"run-as", "on-failure", "runtime-versions", "commands", "finally"}
	envKeys      = []string{"shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"}
	artifactKeys = []string{"files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix", "secondary-artifacts"}
	onFailure    = regexp.MustCompile(`^(ABORT|CONTINUE|RETRY(-.+)?)$`)
)

// IsInline says whether a project's buildspec is the text itself, and not the
// path of a file in the source.
func IsInline(text string) bool { return strings.ContainsAny(text, "\n{") }

// Parse reads a build specification. Its errors are all that is wrong.
func Parse(text string) (Spec, error) {
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return Spec{}, fmt.Errorf("the buildspec can't be read: %w", err)
	}
	if err := checkKeys(doc); err != nil {
		return Spec{}, err
	}
	var s Spec
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		return Spec{}, fmt.Errorf("the buildspec can't be read: %w", err)
	}
	return s, s.check()
}

// checkKeys refuses keys that CodeBuild does not know, and sections and
// commands of the wrong kind: a command with a colon reads as a mapping.
func checkKeys(doc map[string]any) error {
	errs := []error{only("buildspec", doc, topKeys)}
	for name, known := range map[string][]string{"env": envKeys, "artifacts": artifactKeys, "phases": Phases} {
		errs = append(errs, onlyIn(name, doc[name], known))
	}
	phases, _ := doc["phases"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(phases)) {
		errs = append(errs, onlyIn("phase "+name, phases[name], phaseKeys))
		phase, _ := phases[name].(map[string]any)
		commands, _ := phase["commands"].([]any)
		for i, c := range commands {
			if _, isText := c.(string); !isText {
				errs = append(errs, fmt.Errorf("phase %s: command %d is not a string: quote it", name, i))
			}
		}
	}
	return errors.Join(errs...)
}

func onlyIn(what string, section any, known []string) error {
	m, ok := section.(map[string]any)
	if section != nil && !ok {
		return fmt.Errorf("%s is not a mapping", what)
	}
	return only(what, m, known)
}

func only(what string, m map[string]any, known []string) error {
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, k) {
			errs = append(errs, fmt.Errorf("%s has the unknown key %s: expected %s", what, k, strings.Join(known, ", ")))
		}
	}
	return errors.Join(errs...)
}

func (s Spec) check() error {
	var errs []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	add(s.Version != "0.2" && s.Version != "0.1", "version is %q: expected 0.2", s.Version)
	add(len(s.Phases) == 0, "phases is missing")
	for _, name := range slices.Sorted(maps.Keys(s.Phases)) {
		p := s.Phases[name]
		add(len(p.Commands) == 0 && (name != "install" || len(p.Runtimes) == 0), "phase %s has no commands", name)
		add(p.OnFailure != "" && !onFailure.MatchString(p.OnFailure), "phase %s has on-failure %q: expected ABORT, CONTINUE or RETRY", name, p.OnFailure)
	}
	if a := s.Artifacts; a != nil {
		add(len(a.Files) == 0 && len(a.Secondary) == 0, "artifacts has no files")
	}
	return errors.Join(errs...)
}

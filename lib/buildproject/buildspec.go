package buildproject

import (
	"gopkg.in/yaml.v3"

	"delivery.internal/lib/contract"
)

// buildspec is the part of CodeBuild's build specification that we use; see
// docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html.
type buildspec struct {
	Version   string           `yaml:"version"`
	Env       *buildEnv        `yaml:"env,omitempty"`
	Phases    map[string]phase `yaml:"phases"`
	Artifacts *outputs         `yaml:"artifacts,omitempty"`
}

type buildEnv struct {
	Exported []string `yaml:"exported-variables"`
}

type phase struct {
	OnFailure string   `yaml:"on-failure"`
	Commands  []string `yaml:"commands"`
}

type outputs struct {
	Base  string   `yaml:"base-directory"`
	Files []string `yaml:"files"`
}

const (
	sourceDir  = `"$CODEBUILD_SRC_DIR"`
	bundleName = ".delivery"
	newBundle  = `"$CODEBUILD_SRC_DIR/` + bundleName + `"`
	// CodeBuild names the folder of a further input after the artifact.
	oldBundle = `"$CODEBUILD_SRC_DIR_` + contract.BundleArtifact + `"`
)

// previewSpec writes the bundle into the source, hands it on as the artifact,
// and exports what the approval shows. One command does both, because only a
// preview that succeeded has something to export.
func previewSpec(s Step) buildspec {
	return buildspec{
		Version: "0.2",
		Env:     &buildEnv{Exported: s.Exports},
		Phases: phases("deployer " + s.Verb + " --source " + sourceDir + " --bundle " + newBundle +
			` && . "$CODEBUILD_SRC_DIR/` + bundleName + `/exports.sh"`),
		Artifacts: &outputs{Base: bundleName, Files: []string{"**/*"}},
	}
}

func deploySpec(s Step) buildspec {
	return buildspec{
		Version: "0.2",
		Phases:  phases("deployer " + s.Verb + " --source " + sourceDir + " --bundle " + oldBundle),
	}
}

// phases has the one phase that we need. A failure ends the build: what may be
// repeated, the deployer has repeated.
func phases(command string) map[string]phase {
	return map[string]phase{"build": {OnFailure: "ABORT", Commands: []string{command}}}
}

func (b buildspec) yaml() (string, error) {
	text, err := yaml.Marshal(b)
	return string(text), err
}

package buildspec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/buildspec"
)

func TestASpecificationIsReadWhole(t *testing.T) {
	t.Parallel()
	s, err := buildspec.Parse(`
version: 0.2
env: {shell: bash, variables: {A: b}, exported-variables: [A]}
phases:
  install: {runtime-versions: {go: 1.26}}
  build: {on-failure: RETRY-3, commands: ["echo a: b"], finally: [c]}
artifacts: {files: ['**/*'], base-directory: out, s3-prefix: x}
`)
	require.NoError(t, err)
	require.Equal(t, []string{"A"}, s.Env.Exported)
	require.Equal(t, []string{"echo a: b"}, s.Phases["build"].Commands)
	require.Equal(t, "out", s.Artifacts.Base)
}

func TestWhatCodeBuildRefusesIsRefused(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"a: [":           "can't be read",
		"version: 0.2\n": "phases is missing",
		"version: 1\nphases: {build: {commands: [a]}}\n":                         `version is "1"`,
		"phases: {build: {commands: [a]}}\n":                                     "version is \"\"",
		"version: 0.2\nphase: {}\n":                                              "unknown key phase",
		"version: 0.2\nphases: {deploy: {commands: [a]}}\n":                      "unknown key deploy",
		"version: 0.2\nphases: {build: {}}\n":                                    "phase build has no commands",
		"version: 0.2\nphases: {build: {runtime-versions: {go: 1.26}}}\n":        "phase build has no commands",
		"version: 0.2\nphases: {build: [a]}\n":                                   "phase build is not a mapping",
		"version: 0.2\nphases: {build: {commands: [{a: b}]}}\n":                  "command 0 is not a string",
		"version: 0.2\nphases: {build: {commandz: [x]}}\n":                       "unknown key commandz",
		"version: 0.2\nphases: {build: {commands: [a], on-failure: STOP}}\n":     "on-failure",
		"version: 0.2\nphases: {build: {commands: [a]}}\nartifacts: {name: x}\n": "no files",
		"version: 0.2\nphases: {build: {commands: [a]}}\nenv: {shel: bash}\n":    "unknown key shel",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			_, err := buildspec.Parse(spec)
			require.ErrorContains(t, err, want)
		})
	}
}

func TestAPathIsNotASpecification(t *testing.T) {
	t.Parallel()
	require.False(t, buildspec.IsInline("ci/buildspec.yml"))
	require.True(t, buildspec.IsInline("version: 0.2\nphases: {}"))
	require.True(t, buildspec.IsInline(`{"version": 0.2}`))
}

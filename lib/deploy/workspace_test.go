package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func workspaceSettings() Settings {
	return Settings{
		Environment: "dev", Region: "us-east-1", Account: "123456789012", StateBucket: stateBucket, SecretsKey: testKey,
		Role: previewRole, ExternalID: "x-1", Pipeline: "p", Execution: "e",
	}
}

func TestStackSettingsGetThePipelinesCredentials(t *testing.T) {
	t.Parallel()
	text, err := complete([]byte("config:\n  orders:suffix: a1b2\n"), workspaceSettings())
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(text, &got))
	require.Equal(t, map[string]any{"config": map[string]any{
		"orders:suffix": "a1b2", "aws:region": "us-east-1", "aws:allowedAccountIds": []any{"123456789012"},
		"aws:assumeRole": map[string]any{"roleArn": previewRole, "externalId": "x-1", "sessionName": "p-e"},
	}}, got)
}

func TestStackSettingsThatReachAroundThePipelineAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"config: {aws:profile: admin}":                "aws:profile is set: remove it",
		"config: {aws:accessKey: x}":                  "aws:accessKey is set",
		"config: {aws:assumeRole: {roleArn: x}}":      "aws:assumeRole is set",
		"config: {aws:assumeRoles: []}":               "aws:assumeRoles is set",
		"config: {aws:region: eu-west-1}":             "aws:region is eu-west-1: remove it or set us-east-1",
		"secretsprovider: passphrase":                 `secretsprovider is "passphrase": remove it`,
		"config: [a]":                                 "config is not a map",
		"config: {a:":                                 "not readable",
		"secretsprovider: awskms:///other?region=x-1": "the environment's key is used",
	} {
		_, err := complete([]byte(text), workspaceSettings())
		require.ErrorContains(t, err, want, text)
	}
}

func TestConfigDigestKnowsWhereButNotWho(t *testing.T) {
	t.Parallel()
	digest := func(change func(*Settings)) string {
		s := workspaceSettings()
		change(&s)
		d, err := configDigest([]byte("a"), []byte("b"), s)
		require.NoError(t, err)
		return d
	}
	first := digest(func(*Settings) {})
	require.Equal(t, first, digest(func(s *Settings) { s.Role, s.Execution = deployRole, "f" }))
	require.NotEqual(t, first, digest(func(s *Settings) { s.Account = "234567890123" }))
	require.NotEqual(t, first, digest(func(s *Settings) { s.Environment = "prod" }))
}

func TestWorkingCopyLeavesTheSourceAlone(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(source, "a", ".git"), 0o755))
	project := filepath.Join(source, "a", "Pulumi.yaml")
	require.NoError(t, os.WriteFile(project, []byte("name: a\nruntime: yaml\n"), 0o600))
	m := Manifest{Stacks: []Entry{{Name: "a", Path: "a"}}}
	w, done, err := open(source, m, workspaceSettings())
	require.NoError(t, err)
	defer done()
	require.NoFileExists(t, filepath.Join(source, "a", "Pulumi.dev.yaml"))
	require.FileExists(t, w.stacks["a"].Config)
	require.NoDirExists(t, filepath.Join(w.stacks["a"].Dir, ".git"))

	name, ours := w.byProject("organization/a/dev")
	require.True(t, ours)
	require.Equal(t, "a", name)
	_, ours = w.byProject("organization/a/prod")
	require.False(t, ours)

	require.NoError(t, os.Remove(project))
	_, _, err = open(source, m, workspaceSettings())
	require.ErrorContains(t, err, `stack "a": a/Pulumi.yaml can't be read: expected a Pulumi project at the path in delivery.yaml`)
}

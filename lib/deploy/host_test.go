package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLanguageHostsGetNoCredentials(t *testing.T) {
	t.Parallel()
	kept := []string{"HOME=/home/builder", "GOCACHE=/cache", "SSL_CERT_FILE=/ca.pem", "PULUMI_HOME=/p", "LANG=C"}
	env := append([]string{
		"PATH=/hosts" + string(os.PathListSeparator) + "/usr/bin",
		"AWS_ACCESS_KEY_ID=a", "AWS_SESSION_TOKEN=a", "AWS_CONTAINER_CREDENTIALS_FULL_URI=a", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=a",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=a", "AWS_WEB_IDENTITY_TOKEN_FILE=a", "AWS_PROFILE=a", "ECS_CONTAINER_METADATA_URI_V4=a",
		"CODEBUILD_SRC_DIR=a", "CODEBUILD_SOURCE_VERSION=a", "DELIVERY_ROLE=a", "GITHUB_TOKEN=a",
		"PULUMI_BACKEND_URL=a", "PULUMI_ACCESS_TOKEN=a", "PULUMI_CONFIG_PASSPHRASE=a", "PULUMI_DEBUG_PROVIDERS=a", "SOMETHING_NEW=a",
	}, kept...)
	require.Equal(t, append([]string{"PATH=/usr/bin"}, kept...), hostEnvironment(env, "/hosts"))
}

func TestMissingHostNamesTheRuntime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"go", "yaml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, hostPrefix+name), nil, 0o755))
	}
	env := []string{"PATH=/nowhere" + string(os.PathListSeparator) + dir}
	path, err := findHost(hostPrefix+"yaml", env)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, hostPrefix+"yaml"), path)

	const sentence = "runtime nodejs can't be used: its language host pulumi-language-nodejs is not on the PATH; expected one of: go, yaml"
	_, err = findHost(hostPrefix+"nodejs", env)
	require.EqualError(t, err, sentence)
	c := &CLI{Env: env, Hosts: "/hosts"}
	require.EqualError(t, c.checkHost(Stack{Runtime: "nodejs"}), sentence)
	require.NoError(t, c.checkHost(Stack{Runtime: "go"}))
	require.ErrorContains(t, (&CLI{Env: env}).checkHost(Stack{Runtime: "go"}), "the language hosts are not wrapped")
	require.ErrorContains(t, becomeHost([]string{hostPrefix + "go"}, env), "was started without its folder")
}

func TestProjectsThatCannotRunOrBringPluginsAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name: p\nruntime: yaml\n":                                "",
		"name: p\nruntime:\n  name: go\n  options: {binary: x}\n": "",
		"name: p\n":                      `runtime is "": expected the name of a language host`,
		"name: p\nruntime: ../../evil\n": `runtime is "../../evil": expected the name of a language host`,
		"name: p\nruntime: go\nplugins:\n  languages: [{name: go, path: .}]\n": "plugins is set: remove it",
	} {
		t.Run(strings.ReplaceAll(text, "\n", " "), func(t *testing.T) {
			t.Parallel()
			source := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(source, "Pulumi.yaml"), []byte(text), 0o600))
			w := &workspace{dir: source}
			_, err := w.stack(Entry{Name: "p", Path: "."}, Settings{Environment: "dev"})
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, want)
		})
	}
}

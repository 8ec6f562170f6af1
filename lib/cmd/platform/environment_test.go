package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/promotion"
)

// repository is a checkout with what `make environment` reads: the project of
// an environment, bootstrap's project file, the workspace and the sample.
func repository(t *testing.T) string {
	t.Helper()
	root := checkout(t)
	const source = "../../.."
	for _, file := range []string{
		"bootstrap/Pulumi.yaml", "environments/dev/main.go", "environments/dev/go.mod", "environments/dev/go.sum",
		"examples/infrastructure/orders/Pulumi.dev.yaml", "examples/infrastructure/messaging/Pulumi.dev.yaml",
	} {
		text, err := os.ReadFile(filepath.Join(source, file))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), text, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.work"), []byte("go 1.26\n\nuse (\n\t./environments/dev\n)\n"), 0o600))
	return root
}

func content(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(text)
}

func TestAnEnvironmentIsAProjectAndAPlaceInTheSettings(t *testing.T) {
	t.Parallel()
	root := repository(t)
	_, err := run(t, first(nil), "configure", "--root", root)
	require.NoError(t, err)
	before := content(t, root, "bootstrap/Pulumi.yaml")
	out, err := run(t, map[string]string{"NAME": "qa", "FOLLOWS": "dev"}, "environment", "--root", root)
	require.NoError(t, err)
	require.Contains(t, out, "make configure QA_ACCOUNT=…")

	require.Equal(t, "name: environment-qa\ndescription: Pipeline of qa - commits that dev has deployed are previewed and deployed at once\nruntime: go\n", content(t, root, "environments/qa/Pulumi.yaml"))
	require.Equal(t, content(t, root, "environments/dev/main.go"), content(t, root, "environments/qa/main.go"))
	require.Equal(t, strings.Replace(content(t, root, "environments/dev/go.mod"), "environments/dev", "environments/qa", 1), content(t, root, "environments/qa/go.mod"))
	require.Contains(t, content(t, root, "go.work"), "\t./environments/qa\n")
	require.FileExists(t, filepath.Join(root, "examples/infrastructure/orders/Pulumi.qa.yaml"))
	after := content(t, root, "bootstrap/Pulumi.yaml")
	head, tail, _ := strings.Cut(before, "default: []")
	require.True(t, strings.HasPrefix(after, head) && strings.HasSuffix(after, tail[strings.Index(tail, "  allowSharedAccounts:"):]), "nothing but the list changes: %s", after)

	want := append(promotion.Default(), promotion.Environment{Name: "qa", Follows: naming.Dev, ImageFrom: naming.Dev})
	got, err := platform.Environments(root, "")
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = run(t, nil, "configure", "--root", root)
	require.ErrorContains(t, err, "QA_ACCOUNT is not given: expected a twelve-digit AWS account id; set it with QA_ACCOUNT=…")
	out, err = run(t, map[string]string{"QA_ACCOUNT": "666666666666"}, "configure", "--root", root)
	require.NoError(t, err)
	require.Contains(t, out, "bootstrap/Pulumi.k3m9x2ab.yaml: bootstrap:environments[3].account: (not set) -> 666666666666")
	require.FileExists(t, filepath.Join(root, "targets/Pulumi.qa.yaml"))
	require.FileExists(t, filepath.Join(root, "environments/qa/Pulumi.k3m9x2ab.yaml"))
}

func TestAnEnvironmentThatCannotBeIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	root := repository(t)
	before := content(t, root, "bootstrap/Pulumi.yaml")
	for want, env := range map[string]map[string]string{
		"NAME is not given: expected 2 to 10 lower-case letters": {},
		"NAME=QA can't be used":                                  {"NAME": "QA"},
		"NAME=../x can't be used":                                {"NAME": "../x"},
		"NAME=aws can't be used":                                 {"NAME": "aws"},
		"environment dev exists already":                         {"NAME": "dev"},
		"FOLLOWS=test can't be used: exp":                        {"NAME": "qa", "FOLLOWS": "test", "IMAGE_FROM": "dev"},
		"IMAGE_FROM=test can't be used":                          {"NAME": "qa", "IMAGE_FROM": "test"},
		"MODE=PARALLEL can't be used":                            {"NAME": "qa", "MODE": "PARALLEL"},
		"FOLLOWS=qa can't be used":                               {"NAME": "qa", "FOLLOWS": "qa", "IMAGE_FROM": "dev"},
	} {
		_, err := run(t, env, "environment", "--root", root)
		require.ErrorContains(t, err, want)
		require.Len(t, strings.Split(err.Error(), "\n"), 1, "%v", err)
	}
	require.Equal(t, before, content(t, root, "bootstrap/Pulumi.yaml"))
	require.NoDirExists(t, filepath.Join(root, "environments", "qa"))
}

func TestWithoutAListToAddToNothingIsWritten(t *testing.T) {
	t.Parallel()
	root := repository(t)
	file := filepath.Join(root, "bootstrap", "Pulumi.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(content(t, file), "default: []", "secret: false", 1)), 0o600))
	_, err := run(t, map[string]string{"NAME": "qa"}, "environment", "--root", root)
	require.ErrorContains(t, err, "config.environments has no default: expected a list to add the environment to")
	require.NoDirExists(t, filepath.Join(root, "environments", "qa"))
}

func TestAFlagForAnUnknownEnvironmentIsRefused(t *testing.T) {
	t.Parallel()
	_, err := run(t, first(nil), "configure", "--root", checkout(t), "--account", "qa=666666666666")
	require.ErrorContains(t, err, "--account is qa=666666666666, but no environment is called qa: expected one of [dev prod staging]; add one with: make environment NAME=qa")
}

func TestAMisspeltKeyOfAnEnvironmentIsRefused(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	file := filepath.Join(root, "bootstrap", "Pulumi.k3m9x2ab.yaml")
	require.NoError(t, os.WriteFile(file, []byte("config:\n  bootstrap:environments:\n    - name: dev\n      aproval: true\n"), 0o600))
	_, err := run(t, first(nil), "configure", "--root", root)
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, "field aproval not found")
}

// TestMakeHandsOnTheAccountsOfEveryEnvironment: no list in the Makefile names
// them.
func TestMakeHandsOnTheAccountsOfEveryEnvironment(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../../../Makefile")
	require.NoError(t, err)
	show := filepath.Join(t.TempDir(), "show.mk")
	require.NoError(t, os.WriteFile(show, []byte("show:\n\t@echo \"$$QA_ACCOUNT $$EU_1_PROFILE $$NAME\"\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), "make", "-f", file, "-f", show, "show", "QA_ACCOUNT=666666666666", "EU_1_PROFILE=admin", "NAME=qa")
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "666666666666 admin qa\n", string(out))
}

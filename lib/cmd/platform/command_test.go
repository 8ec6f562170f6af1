package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
)

// checkout makes the folders of the projects and returns the root.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bootstrap", "shared", "targets", "environments/dev", "environments/staging", "environments/prod"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	return root
}

// nobody is an environment without credentials.
func nobody() platform.Environment {
	return platform.RehearsalEnvironment([]string{"PATH=/nowhere", "AWS_ENDPOINT_URL=http://127.0.0.1:1"})
}

func run(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	cmd := command(strings.NewReader(""), &out, func(name string) string { return env[name] }, nobody())
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// first are the variables of a first configure.
func first(more map[string]string) map[string]string {
	env := map[string]string{
		"SUFFIX": "k3m9x2ab", "REPOSITORY": "acme/infrastructure", "OWNERS": "a@example.com, b@example.com", "ADMIN_ROLE": "PlatformAdministrator",
		"DEV_ACCOUNT": "777777777777", "STAGING_ACCOUNT": "888888888888", "PROD_ACCOUNT": "999999999999",
	}
	maps.Copy(env, more)
	return env
}

func TestConfigureTakesVariables(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	out, err := run(t, first(map[string]string{
		"DEV_PROFILE": "dev-admin", "CONNECTION_ARN": "arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-4000-8000-000000000000",
	}), "configure", "--root", root)
	require.NoError(t, err)
	require.Contains(t, out, "make bootstrap")
	require.Contains(t, out, "nobody is logged in to AWS")
	require.Contains(t, out, "bootstrap/Pulumi.k3m9x2ab.yaml: bootstrap:environments[2].account: (not set) -> 999999999999")
	for file, want := range map[string]string{
		"bootstrap/Pulumi.k3m9x2ab.yaml":         "- b@example.com",
		"shared/Pulumi.k3m9x2ab.yaml":            "shared:connectionArn: arn:aws",
		"targets/Pulumi.dev.yaml":                "targets:profile: dev-admin",
		"targets/Pulumi.prod.yaml":               "targets:environmentSuffix: k3m9x2ab",
		"environments/prod/Pulumi.k3m9x2ab.yaml": "config: {}",
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Contains(t, string(text), want)
	}
	text, err := os.ReadFile(filepath.Join(root, "bootstrap/Pulumi.k3m9x2ab.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(text), `account: "999999999999"`)
}

func TestConfigureAgainChangesOnlyWhatItIsGiven(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	_, err := run(t, first(nil), "configure", "--root", root)
	require.NoError(t, err)
	out, err := run(t, map[string]string{"BRANCH": "release", "REPOSITORY": "acme/infrastructure"}, "configure", "--root", root)
	require.NoError(t, err)
	require.Contains(t, out, "bootstrap:branch: main -> release")
	require.NotContains(t, out, "account:", "no account changes")
	out, err = run(t, nil, "configure", "--root", root)
	require.NoError(t, err)
	require.Contains(t, out, "nothing changes")
}

func TestConfigureAsksUntilEachAnswerCanBeUsed(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	_, err := run(t, first(map[string]string{"SUFFIX": "k3m9x2ab"}), "configure", "--root", root)
	require.NoError(t, err)
	var out strings.Builder
	o := &options{in: strings.NewReader("A1\na1b2\n\nacme/infra\n\nme\nme@example.com\n\n\n777777777777\n888888888888\n999999999999\nAdmins\n\n"), out: &out, root: root, suffix: "c9d8e7f6"}
	a := &answers{}
	o.getenv = func(string) string { return "" }
	a.offer = "x2y3z4w5"
	require.NoError(t, a.ask(o))
	require.Equal(t, "c9d8e7f6", o.suffix)
	require.Equal(t, []string{"acme/infra", "main", "me@example.com", "777777777777", "Admins"}, []string{a.repository, a.branch, a.owners, *a.accounts[naming.Dev], a.adminRole})
	for _, want := range []string{
		"Branch that is delivered [main]: ", "SUFFIX=A1 can't be used", "SUFFIX=a1b2 can't be used", "SUFFIX=x2y3z4w5", "OWNERS=me can't be used", "DEV_ACCOUNT is not given",
	} {
		require.Contains(t, out.String(), want)
	}
}

func TestConfigureShowsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	root := checkout(t)
	_, err := run(t, first(map[string]string{"OPERATORS": "arn:aws:iam::111122223333:role/Platform"}), "configure", "--root", root)
	require.NoError(t, err)
	var out strings.Builder
	o := &options{in: strings.NewReader(strings.Repeat("\n", 20)), out: &out, root: root, suffix: "k3m9x2ab"}
	a := &answers{}
	o.getenv = func(string) string { return "" }
	require.NoError(t, a.ask(o))
	for _, want := range []string{"[acme/infrastructure]", "[a@example.com, b@example.com]", "[777777777777]", "[888888888888]", "[999999999999]", "[PlatformAdministrator]", "[arn:aws:iam::111122223333:role/Platform]"} {
		require.Contains(t, out.String(), want)
	}
	c, err := platform.Plan(root, a.values(o.suffix))
	require.NoError(t, err)
	require.Empty(t, c.Changes)
}

func TestConfigureWithoutValuesSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := run(t, nil, "configure", "--root", checkout(t))
	require.Regexp(t, `SUFFIX is not given: .*made at random just now: SUFFIX=[a-z][a-z0-9]{7}`, err.Error())
	for _, variable := range []string{"REPOSITORY=", "OWNERS=", "DEV_ACCOUNT=", "STAGING_ACCOUNT=", "PROD_ACCOUNT="} {
		require.ErrorContains(t, err, variable)
	}
	_, err = run(t, first(map[string]string{"SUFFIX": "a1b2"}), "configure", "--root", checkout(t))
	require.ErrorContains(t, err, "SUFFIX=a1b2 can't be used")
}

func TestProjectCommandsNeedAnInstallation(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"bootstrap"}, {"up", "shared"}, {"destroy-all"}, {"image"}} {
		_, err := run(t, nil, append(args, "--root", checkout(t))...)
		require.ErrorContains(t, err, "make configure")
	}
}

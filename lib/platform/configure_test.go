package platform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/promotion"
)

// real are the values of a first configure outside of a rehearsal.
func real() platform.Values {
	return platform.Values{
		Suffix: "k3m9x2ab", Repository: "acme/infrastructure", Owners: []string{"platform@example.com"}, AdminRole: "PlatformAdministrator",
		Accounts: map[naming.Environment]string{naming.Dev: "111111111111", naming.Staging: "222222222222", naming.Prod: "333333333333"},
	}
}

// emptyCheckout makes the folders of the projects and returns the root.
func emptyCheckout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bootstrap", "shared", "targets", "environments/dev", "environments/staging", "environments/prod"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	return root
}

// tree returns every file below root with its content.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[filepath.ToSlash(rel)] = string(text)
		return err
	}))
	return out
}

func changes(c *platform.Configuration) []string {
	var out []string
	for _, change := range c.Changes {
		out = append(out, change.String())
	}
	return out
}

func TestConfigureAgainKeepsWhatItIsNotGiven(t *testing.T) {
	t.Parallel()
	root := emptyCheckout(t)
	first := real()
	first.Operators, first.Connection = []string{"arn:aws:iam::111122223333:role/Platform"}, "arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-4000-8000-000000000000"
	first.Profiles = map[naming.Environment]string{naming.Dev: "dev-admin"}
	require.NoError(t, platform.Configure(root, first))
	before := tree(t, root)

	again, err := platform.Plan(root, platform.Values{Suffix: first.Suffix})
	require.NoError(t, err)
	require.Empty(t, again.Changes)
	require.NoError(t, again.Write())
	require.Equal(t, before, tree(t, root))

	again, err = platform.Plan(root, platform.Values{Suffix: first.Suffix, Branch: "release", Accounts: map[naming.Environment]string{naming.Staging: "444444444444"}})
	require.NoError(t, err)
	require.Equal(t, []string{
		"bootstrap/Pulumi.k3m9x2ab.yaml: bootstrap:environments[1].account: 222222222222 -> 444444444444",
		"bootstrap/Pulumi.k3m9x2ab.yaml: bootstrap:branch: main -> release",
	}, changes(again))
	require.Equal(t, before, tree(t, root), "nothing is written before it is shown")
	require.NoError(t, again.Write())
	got, err := platform.Configured(root, first.Suffix)
	require.NoError(t, err)
	require.Equal(t, promotion.Default().WithAccounts(map[naming.Environment]string{naming.Dev: "111111111111", naming.Staging: "444444444444", naming.Prod: "333333333333"}), got.Environments)
	require.Equal(t, "release", got.Branch)
	require.Equal(t, first.Operators, got.Operators)
}

func TestConfigureSaysWhatEachTargetIsReachedWith(t *testing.T) {
	t.Parallel()
	root := emptyCheckout(t)
	v := real()
	v.Profiles = map[naming.Environment]string{naming.Dev: "dev-admin"}
	require.NoError(t, platform.Configure(root, v))
	files := tree(t, root)
	require.Contains(t, files["targets/Pulumi.dev.yaml"], "targets:profile: dev-admin")
	require.NotContains(t, files["targets/Pulumi.dev.yaml"], "adminRole")
	require.Contains(t, files["targets/Pulumi.prod.yaml"], "targets:adminRole: PlatformAdministrator")

	c, err := platform.Plan(root, platform.Values{Suffix: v.Suffix, AdminRole: "Admins"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"targets/Pulumi.dev.yaml: targets:adminRole: (not set) -> Admins",
		"targets/Pulumi.dev.yaml: targets:profile: dev-admin -> (not set)",
		"targets/Pulumi.staging.yaml: targets:adminRole: PlatformAdministrator -> Admins",
		"targets/Pulumi.prod.yaml: targets:adminRole: PlatformAdministrator -> Admins",
	}, changes(c))
}

func TestConfigureKeepsADifferentRoleOfEachTarget(t *testing.T) {
	t.Parallel()
	root := emptyCheckout(t)
	require.NoError(t, platform.Configure(root, real()))
	require.NoError(t, os.WriteFile(filepath.Join(root, "targets", "Pulumi.prod.yaml"), []byte("config:\n  targets:environmentSuffix: k3m9x2ab\n  targets:adminRole: ProductionAdministrator\n"), 0o600))
	c, err := platform.Plan(root, platform.Values{Suffix: "k3m9x2ab"})
	require.NoError(t, err)
	require.Empty(t, c.Changes)
	got, err := platform.Configured(root, "k3m9x2ab")
	require.NoError(t, err)
	require.Empty(t, got.AdminRole, "there is no one role")
}

func TestAFirstConfigureNamesEveryVariableThatIsMissing(t *testing.T) {
	t.Parallel()
	root := emptyCheckout(t)
	_, err := platform.Plan(root, platform.Values{Suffix: "k3m9x2ab"})
	for _, want := range []string{"DEV_ACCOUNT=", "STAGING_ACCOUNT=", "PROD_ACCOUNT=", "REPOSITORY=acme/infrastructure", "OWNERS=platform@example.com"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "pulumi config set")
	require.NotContains(t, err.Error(), "123456789012", "an example that somebody could take")
	require.Empty(t, tree(t, root))
}

func TestConfigureSpeaksOfItsOwnVariables(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*platform.Values){
		"SUFFIX=A1B2 can't be used: expected 2 to 12 lower-case letters and digits, beginning with a letter": func(v *platform.Values) { v.Suffix = "A1B2" },
		"this one was made at random just now: SUFFIX=xyzw2345":                                              func(v *platform.Values) { v.Suffix, v.Offer = "1abc", "xyzw2345" },
		"SUFFIX=a1b2 can't be used: expected a suffix that is not of the documents":                          func(v *platform.Values) { v.Suffix = "a1b2" },
		"REPOSITORY=infrastructure can't be used: expected owner/name":                                       func(v *platform.Values) { v.Repository = "infrastructure" },
		"REPOSITORY=infra structure can't be used":                                                           func(v *platform.Values) { v.Repository = "acme/infra structure" },
		"BRANCH=refs/heads/main can't be used":                                                               func(v *platform.Values) { v.Branch = "refs/heads/main" },
		"OWNERS=nobody can't be used: expected an e-mail address":                                            func(v *platform.Values) { v.Owners = []string{"a@example.com", "nobody"} },
		"OPERATORS=me can't be used":                                                                         func(v *platform.Values) { v.Operators = []string{"me"} },
		"PROD_ACCOUNT=1234 can't be used: expected a twelve-digit AWS account id":                            func(v *platform.Values) { v.Accounts[naming.Prod] = "1234" },
		"CONNECTION_ARN=github can't be used":                                                                func(v *platform.Values) { v.Connection = "github" },
		"ADMIN_ROLE=arn:aws:iam::111111111111:role/Admin can't be used: expected the name of a role":         func(v *platform.Values) { v.AdminRole = "arn:aws:iam::111111111111:role/Admin" },
		"ADMIN_ROLE is not given: expected the name of a role in the accounts of dev, staging, prod":         func(v *platform.Values) { v.AdminRole = "" },
		"STAGING_PROFILE=": func(v *platform.Values) {
			v.AdminRole, v.Profiles = "", map[naming.Environment]string{naming.Dev: "d", naming.Prod: "p"}
		},
	} {
		v, root := real(), emptyCheckout(t)
		change(&v)
		_, err := platform.Plan(root, v)
		require.ErrorContains(t, err, want)
		require.Len(t, strings.Split(err.Error(), "\n"), 1, "one mistake, one sentence: %v", err)
		require.Empty(t, tree(t, root), "nothing is written")
	}
}

func TestTheDeliveryAccountAsItsOwnTargetNeedsNoRole(t *testing.T) {
	t.Parallel()
	v := real()
	v.AdminRole, v.Accounts = "", map[naming.Environment]string{naming.Dev: "111122223333", naming.Staging: "111122223333", naming.Prod: "111122223333"}
	_, err := platform.Plan(emptyCheckout(t), v)
	require.ErrorContains(t, err, "once you are logged in")
	v.Delivery = "111122223333"
	_, err = platform.Plan(emptyCheckout(t), v)
	require.ErrorContains(t, err, "STAGING_ACCOUNT=111122223333 can't be used: expected another account than that of dev, unless accounts may be shared, with bootstrap:allowSharedAccounts or ALLOW_SHARED_ACCOUNTS=yes")
	v.SharedAccounts = true
	c, err := platform.Plan(emptyCheckout(t), v)
	require.NoError(t, err)
	require.Contains(t, c.Notes, "dev and prod are the same account 111122223333")
}

func TestARepositoryMayBeGivenByItsAddress(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"https://github.com/acme/infra", "https://github.com/acme/infra.git", "acme/infra.git", "https://github.com/acme/infra/"} {
		v, root := real(), emptyCheckout(t)
		v.Repository = given
		require.NoError(t, platform.Configure(root, v), given)
		got, err := platform.Configured(root, v.Suffix)
		require.NoError(t, err)
		require.Equal(t, "acme/infra", got.Repository)
	}
}

// TestAConfiguredSuffixOfTheDocumentsCanStillBeChanged: its installation may
// be deployed, and bootstrap refuses it when it is not.
func TestAConfiguredSuffixOfTheDocumentsCanStillBeChanged(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	_, err := platform.Plan(i.root, platform.Values{Suffix: "a1b2", Branch: "release"})
	require.NoError(t, err)
}

func TestConfigureWritesAccountsAsText(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	text, err := os.ReadFile(filepath.Join(i.root, "bootstrap", "Pulumi.a1b2.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(text), "bootstrap:environments:\n    - name: dev\n      account: \"123456789012\"\n    - name: staging\n")
	require.Contains(t, string(text), "bootstrap:owners:\n    - platform@example.com\n")
}

func TestConfigureLeavesEverythingElseByteForByte(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after string }{
		"permissions and comments": {
			"# ours\nconfig:\n\n  targets:environmentSuffix: old2 # of the installation\n  # what workloads may do\n  targets:workload:\n  - {read: [sqs:GetQueueUrl], resources: [\"arn:aws:sqs:x\"]} # jobs\n\n  - write:\n      - 'sqs:SendMessage'\n  targets:profile: \"dev-admin\"\n# the end\n",
			"# ours\nconfig:\n\n  targets:environmentSuffix: k3m9x2ab # of the installation\n  # what workloads may do\n  targets:workload:\n  - {read: [sqs:GetQueueUrl], resources: [\"arn:aws:sqs:x\"]} # jobs\n\n  - write:\n      - 'sqs:SendMessage'\n  targets:adminRole: PlatformAdministrator\n# the end\n",
		},
		"a data key":         {"secretsprovider: awskms://x\nconfig:\n  # mine\n  targets:own: value\nencryptedkey: abc\n", "secretsprovider: awskms://x\nconfig:\n  # mine\n  targets:own: value\n  targets:environmentSuffix: k3m9x2ab\n  targets:adminRole: PlatformAdministrator\nencryptedkey: abc\n"},
		"an empty config":    {"config: {}\n", "config:\n  targets:environmentSuffix: k3m9x2ab\n  targets:adminRole: PlatformAdministrator\n"},
		"no value of config": {"config:\n", "config:\n  targets:environmentSuffix: k3m9x2ab\n  targets:adminRole: PlatformAdministrator\n"},
		"no config":          {"# nothing\nencryptionsalt: x", "# nothing\nencryptionsalt: x\nconfig:\n  targets:environmentSuffix: k3m9x2ab\n  targets:adminRole: PlatformAdministrator\n"},
		"another indent":     {"config:\n    targets:environmentSuffix: 'old2'\n", "config:\n    targets:environmentSuffix: k3m9x2ab\n    targets:adminRole: PlatformAdministrator\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := emptyCheckout(t)
			require.NoError(t, os.WriteFile(filepath.Join(root, "targets", "Pulumi.dev.yaml"), []byte(c.before), 0o600))
			require.NoError(t, platform.Configure(root, real()))
			require.Equal(t, c.after, tree(t, root)["targets/Pulumi.dev.yaml"])
		})
	}
}

func TestAListIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"flow":     "config:\n  bootstrap:owners: [a@example.com, b@example.com] # people\n  bootstrap:own: x\n",
		"block":    "config:\n  bootstrap:owners: # people\n    - a@example.com\n    - b@example.com\n  bootstrap:own: x\n",
		"unindent": "config:\n  bootstrap:owners: # people\n  - a@example.com\n  bootstrap:own: x\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := emptyCheckout(t)
			require.NoError(t, os.WriteFile(filepath.Join(root, "bootstrap", "Pulumi.k3m9x2ab.yaml"), []byte(before), 0o600))
			require.NoError(t, platform.Configure(root, real()))
			require.Contains(t, tree(t, root)["bootstrap/Pulumi.k3m9x2ab.yaml"], "config:\n  bootstrap:owners: # people\n    - platform@example.com\n  bootstrap:own: x\n")
		})
	}
}

func TestConfigureWritesAllFilesOrNone(t *testing.T) {
	t.Parallel()
	root := emptyCheckout(t)
	require.NoError(t, os.WriteFile(filepath.Join(root, "targets", "Pulumi.prod.yaml"), []byte("config: [a list]\n"), 0o600))
	before := tree(t, root)
	require.ErrorContains(t, platform.Configure(root, real()), "Pulumi.prod.yaml")
	require.Equal(t, before, tree(t, root))
	require.NoError(t, os.Remove(filepath.Join(root, "targets", "Pulumi.prod.yaml")))

	c, err := platform.Plan(root, real())
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(root, "environments", "prod"))) // the last file can't be written
	require.Error(t, c.Write())
	require.Empty(t, tree(t, root))
	require.ErrorContains(t, platform.Configure(t.TempDir(), real()), "project bootstrap is not under")
}

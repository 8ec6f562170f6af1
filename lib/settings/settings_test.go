package settings_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

func valid() settings.Settings {
	return settings.Settings{
		EnvironmentSuffix: "a1b2",
		Region:            settings.Region,
		DeliveryAccount:   "111122223333",
		Environments:      promotion.Default().WithAccounts(settings.RehearsalAccounts()),
		Repository:        settings.Repository{Owner: "acme", Name: "infrastructure", Branch: "main"},
		Owners:            []string{"platform@example.com"},
		Operators:         []string{"arn:aws:iam::111122223333:role/Platform"},
	}
}

func TestValidSettingsPass(t *testing.T) {
	t.Parallel()
	require.NoError(t, valid().Validate())
}

func TestEveryMistakeNamesItsKeyValueAndRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*settings.Settings)
		key    string
		value  string
	}{
		"suffix upper case":  {func(s *settings.Settings) { s.EnvironmentSuffix = "A1" }, "bootstrap:environmentSuffix", "A1"},
		"suffix too long":    {func(s *settings.Settings) { s.EnvironmentSuffix = "abcdefghijklm" }, "bootstrap:environmentSuffix", "abcdefghijklm"},
		"suffix with hyphen": {func(s *settings.Settings) { s.EnvironmentSuffix = "a-b" }, "bootstrap:environmentSuffix", "a-b"},
		"other region":       {func(s *settings.Settings) { s.Region = "eu-west-1" }, "aws:region", "eu-west-1"},
		"short account":      {func(s *settings.Settings) { s.Environments[2].Account = "1234" }, "bootstrap:environments[2].account", "1234"},
		"owner with slash":   {func(s *settings.Settings) { s.Repository.Owner = "a/b" }, "bootstrap:repositoryOwner", "a/b"},
		"empty repository":   {func(s *settings.Settings) { s.Repository.Name = "" }, "bootstrap:repositoryName", ""},
		"repository is dots": {func(s *settings.Settings) { s.Repository.Name = ".." }, "bootstrap:repositoryName", ".."},
		"branch as a ref":    {func(s *settings.Settings) { s.Repository.Branch = "/refs/heads/main" }, "bootstrap:branch", "/refs/heads/main"},
		"no owner":           {func(s *settings.Settings) { s.Owners = nil }, "bootstrap:owners[0]", ""},
		"owner not mail":     {func(s *settings.Settings) { s.Owners = []string{"nobody"} }, "bootstrap:owners[0]", "nobody"},
		"owner with name":    {func(s *settings.Settings) { s.Owners = []string{"A <a@example.com>"} }, "bootstrap:owners[0]", "A <a@example.com>"},
		"full ref":           {func(s *settings.Settings) { s.Repository.Branch = "refs/heads/main" }, "bootstrap:branch", "refs/heads/main"},
		"owner twice":        {func(s *settings.Settings) { s.Owners = []string{"a@example.com", "a@example.com"} }, "bootstrap:owners[1]", "a@example.com"},
		"owner not in a tag": {func(s *settings.Settings) { s.Owners = []string{"o'neil@example.com"} }, "bootstrap:owners[0]", "o'neil@example.com"},
		"no operator":        {func(s *settings.Settings) { s.Operators = nil }, "bootstrap:operators[0]", ""},
		"operator a session": {func(s *settings.Settings) { s.Operators = []string{"arn:aws:sts::111122223333:assumed-role/A/b"} }, "bootstrap:operators[0]", "arn:aws:sts::111122223333:assumed-role/A/b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := valid()
			c.change(&s)
			err := s.Validate()
			require.ErrorContains(t, err, `"`+c.key+`"`)
			require.ErrorContains(t, err, `is "`+c.value+`"`)
			require.ErrorContains(t, err, "expected")
			require.ErrorContains(t, err, "pulumi config set")
		})
	}
}

func TestMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	err := settings.Settings{}.Validate()
	for _, key := range []string{"environmentSuffix", "aws:region", "bootstrap:environments\"", "repositoryOwner", "repositoryName", "branch", "owners[0]", "operators[0]"} {
		require.ErrorContains(t, err, key)
	}
}

func TestTheAccountOfAnEnvironmentIsItsTarget(t *testing.T) {
	t.Parallel()
	require.Equal(t, "234567890123", valid().Target(naming.Staging).Account)
	require.Empty(t, valid().Target(naming.Shared).Account, "the platform itself has no target account")
}

func TestTagsNameTheInstallation(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]string{
		"Application": "pulumi-delivery", "Project": "shared", "Environment": "dev",
		"EnvironmentSuffix": "a1b2", "Owner": "platform@example.com",
	}, valid().Tags(naming.Dev, "shared"))
}

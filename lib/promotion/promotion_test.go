package promotion_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
)

// three are the environments by default, with an account each.
func three() promotion.Environments {
	return promotion.Default().WithAccounts(map[naming.Environment]string{naming.Dev: "123456789012", naming.Staging: "234567890123", naming.Prod: "345678901234"})
}

func TestTheDefaultIsWhatThePlatformHasAlwaysDone(t *testing.T) {
	t.Parallel()
	require.Empty(t, three().Problems(false))
	require.Equal(t, promotion.Environments{
		{Name: "dev", Account: "123456789012", Mode: promotion.Superseded},
		{Name: "staging", Account: "234567890123", Mode: promotion.Superseded, ImageFrom: "dev"},
		{Name: "prod", Account: "345678901234", Mode: promotion.Queued, Approval: true, Follows: "staging", ImageFrom: "staging"},
	}, three().InOrder())
}

func TestWhatIsWrongIsSaidInOneSentenceEach(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change              func(promotion.Environments) promotion.Environments
		key, value, expects string
	}{
		"no environment":     {func(promotion.Environments) promotion.Environments { return nil }, "", "", "at least one environment"},
		"a name in capitals": {func(e promotion.Environments) promotion.Environments { e[0].Name = "QA"; e[1].ImageFrom = ""; return e }, "[0].name", "QA", "lower-case"},
		"the name of all": {func(e promotion.Environments) promotion.Environments {
			e[0].Name = "shared"
			e[1].ImageFrom = ""
			return e
		}, "[0].name", "shared", "not shared"},
		"a name twice": {func(e promotion.Environments) promotion.Environments {
			return append(e, promotion.Environment{Name: "prod", Account: "111111111111"})
		}, "[3].name", "prod", "differs from prod"},
		"a name but for hyphen": {func(e promotion.Environments) promotion.Environments {
			return append(e, promotion.Environment{Name: "pr-od", Account: "111111111111"})
		}, "[3].name", "pr-od", "more than hyphens"},
		"a short account":       {func(e promotion.Environments) promotion.Environments { e[2].Account = "1"; return e }, "[2].account", "1", "twelve-digit"},
		"an account twice":      {func(e promotion.Environments) promotion.Environments { e[2].Account = e[0].Account; return e }, "[2].account", "123456789012", "than that of dev"},
		"another mode":          {func(e promotion.Environments) promotion.Environments { e[0].Mode = "PARALLEL"; return e }, "[0].mode", "PARALLEL", "QUEUED or SUPERSEDED"},
		"follows nobody":        {func(e promotion.Environments) promotion.Environments { e[2].Follows = "qa"; return e }, "[2].follows", "qa", "one of dev, staging, prod"},
		"takes it from nobody":  {func(e promotion.Environments) promotion.Environments { e[2].ImageFrom = "qa"; return e }, "[2].imageFrom", "qa", "one of dev, staging, prod"},
		"follows itself":        {func(e promotion.Environments) promotion.Environments { e[0].Follows = "dev"; return e }, "[0].follows", "dev", "does not itself come after dev"},
		"its image from itself": {func(e promotion.Environments) promotion.Environments { e[0].ImageFrom = "dev"; return e }, "[0].imageFrom", "dev", "does not itself come after dev"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := c.change(three()).Problems(false)
			require.Len(t, problems, 1)
			require.Equal(t, []string{c.key, c.value}, []string{problems[0].Key, problems[0].Value})
			require.Contains(t, problems[0].Expected, c.expects)
		})
	}
}

func TestACircleIsNamedByItsMembersAlone(t *testing.T) {
	t.Parallel()
	all := three()
	all[1].Follows = "prod" // prod follows staging; dev has no part in it
	all[0].Follows = "prod" // comes after the circle, and is not of it: staging takes its image
	all[1].ImageFrom = ""
	var keys []string
	for _, p := range all.Problems(false) {
		keys = append(keys, p.Key)
	}
	require.ElementsMatch(t, []string{"[1].follows", "[2].follows", "[2].imageFrom"}, keys)
}

func TestAnAccountIsSharedOnlyWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	all := three()
	all[1].Account, all[2].Account = all[0].Account, all[0].Account
	require.Len(t, all.Problems(false), 2)
	require.Empty(t, all.Problems(true))
}

func TestEachComesAfterWhatItFollows(t *testing.T) {
	t.Parallel()
	all := three()
	slices.Reverse(all)
	require.Equal(t, []naming.Environment{"dev", "staging", "prod"}, all.InOrder().Names())
	require.Equal(t, []naming.Environment{"prod", "staging", "dev"}, all.Names(), "the list itself stays")
}

func TestAnAccountMayBeWrittenAsANumber(t *testing.T) {
	t.Parallel()
	var all promotion.Environments
	require.NoError(t, json.Unmarshal([]byte(`[{"name":"dev","account":123456789012},{"name":"qa","account":"012345678901"}]`), &all))
	require.Equal(t, promotion.Environments{{Name: "dev", Account: "123456789012"}, {Name: "qa", Account: "012345678901"}}, all)
	require.ErrorContains(t, json.Unmarshal([]byte(`[{"account":true}]`), &all), "expected a twelve-digit AWS account id")
}

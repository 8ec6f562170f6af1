package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
)

func TestOnlyTheirOwnFormIsAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		is        func(string) bool
		good, bad []string
	}{
		"commit": {contract.IsCommit, []string{strings.Repeat("0a", 20)},
			[]string{"", "none", strings.Repeat("0A", 20), strings.Repeat("a", 39), strings.Repeat("a", 41), strings.Repeat("a", 40) + "\n"}},
		"delivery id": {contract.IsDeliveryID, []string{"72d3162e-cc78-11e3-81ab-4c9367dc0958"},
			[]string{"", "none", "72D3162E-cc78-11e3-81ab-4c9367dc0958", `72d3162e-cc78-11e3-81ab-4c9367dc0958"`, "72d3162ecc7811e381ab4c9367dc0958", "72d3162e-cc78-11e3-81ab-4c9367dc0958\n"}},
		"pusher": {contract.IsPusher, []string{"ada", "A-1", "octo_acme", "dependabot[bot]", contract.Unset},
			[]string{"", "a b", `x"},{"name":"COMMIT","value":"e`, "ada\n", "-ada", "ada[bot]x", "\u00e4da", strings.Repeat("a", 101)}},
	} {
		for _, s := range c.good {
			require.True(t, c.is(s), "%s %q", name, s)
		}
		for _, s := range c.bad {
			require.False(t, c.is(s), "%s %q", name, s)
		}
	}
}

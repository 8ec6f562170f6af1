package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWordsStandInFreeText(t *testing.T) {
	t.Parallel()
	stacks := []string{"messaging", "orders"}
	for comment, want := range map[string]Words{
		"":                                 {},
		"looks good":                       {},
		"orders looks good, approve it":    {},
		"approved by grace":                {},
		"broadening is what we want":       {}, // one word alone is text
		"approve-broadening":               {Broadening: true},
		"OK: `approve-broadening`, grace.": {Broadening: true},
		"seen\napprove-broadening\napprove-emptying:orders":   {Broadening: true, Emptied: []string{"orders"}},
		"approve-emptying:orders, approve-emptying:messaging": {Emptied: []string{"orders", "messaging"}},
	} {
		got, err := Parse(comment, stacks)
		require.NoError(t, err, comment)
		require.Equal(t, want, got, comment)
	}
}

func TestWhatLooksLikeAWordIsRefused(t *testing.T) {
	t.Parallel()
	for comment, want := range map[string]string{
		"approve-broadning":                 "is no word that approves anything",
		"Approve-Broadening":                "in these letters",
		"approve_broadening":                "expected approve-broadening",
		"approve\u2011broadening":           "expected approve-broadening", // a hyphen that does not break
		"approvebroadening":                 "expected approve-broadening",
		"aprove-broadening":                 "expected approve-broadening",
		"accept-broadening":                 "expected approve-broadening",
		"approve-everything":                "is no word",
		"approve-broadening approve-all":    `"approve-all"`,
		"approve-emptying":                  "approve-emptying:STACK",
		"approve-emptying:":                 `there is no stack ""`,
		"approve-emptying:billing":          `there is no stack "billing": expected one of messaging, orders`,
		"approve-emptying:orders,messaging": `there is no stack "orders,messaging"`,
	} {
		got, err := Parse(comment, []string{"messaging", "orders"})
		require.ErrorContains(t, err, want, comment)
		require.Zero(t, got, "a comment that is refused approves nothing")
	}
}

package eventbridge

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/apierr"
)

func TestARequestIsLimitedAsAWhole(t *testing.T) {
	t.Parallel()
	of := func(n, bytes int) []Entry {
		out := make([]Entry, n)
		for i := range out {
			out[i] = Entry{Source: "s", DetailType: "t", Detail: strings.Repeat("d", bytes-2)}
		}
		return out
	}
	for name, tt := range map[string]struct {
		entries []Entry
		refused bool
	}{
		"none":                    {nil, true},
		"ten":                     {of(10, 10), false},
		"eleven":                  {of(11, 10), true},
		"one that just fits":      {of(1, maxBytes-1), false},
		"one of 256 KB":           {of(1, maxBytes), true},
		"two halves":              {of(2, maxBytes/2), true},
		"the time makes too much": {[]Entry{{Detail: strings.Repeat("d", maxBytes-timeBytes), Timed: true}}, true},
		"the resources do":        {[]Entry{{Detail: strings.Repeat("d", maxBytes-3), Resources: []string{"arn"}}}, true},
	} {
		err := CheckRequest(tt.entries)
		if tt.refused {
			require.Equal(t, "ValidationException", apierr.CodeOf(err), name)
			continue
		}
		require.NoError(t, err, name)
	}
}

func TestAnEntryFailsInItsOwnWord(t *testing.T) {
	t.Parallel()
	good := Entry{Source: "s", DetailType: strings.Repeat("ü", 128), Detail: "{}"}
	require.NoError(t, good.Check())
	for want, change := range map[string]func(*Entry){
		"InvalidArgument: Source":         func(e *Entry) { e.Source = "" },
		"InvalidArgument: DetailType":     func(e *Entry) { e.DetailType += "x" },
		"NotAuthorizedForSourceException": func(e *Entry) { e.Source = "aws.s3" },
		"MalformedDetail":                 func(e *Entry) { e.Detail = "[]" },
		"MalformedDetail: Detail":         func(e *Entry) { e.Detail = "null" },
		"MalformedDetail: Detail is":      func(e *Entry) { e.Detail = "{" },
	} {
		e := good
		change(&e)
		require.ErrorContains(t, e.Check(), want)
	}
}

func TestABusIsMeantByNameARNOrNothing(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]string{"": "default", "default": "default", "b": "b", "arn:aws:events:us-east-1:111122223333:event-bus/b": "b", "aws.partner/x/y": "aws.partner/x/y"} {
		require.Equal(t, want, BusName(ref))
	}
	require.Equal(t, "r", RulePath("", "r"))
	require.Equal(t, "b/r", RulePath("arn:aws:events:us-east-1:111122223333:event-bus/b", "r"))
}

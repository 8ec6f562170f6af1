package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/plantest"
)

func accepted(text string) map[string]string {
	return map[string]string{"shared:acceptedFindings": text}
}

func TestTheGateGetsTheAcceptedFindings(t *testing.T) {
	t.Parallel()
	list := `[{"id":"CVE-2026-85091","package":"zlib","reason":"the function is never called","expires":"2027-01-31"},{"id":"CVE-2026-85092","reason":"no network is listened on","expires":"2020-01-01"}]`
	rs := run(t, accepted(list))
	var values []string
	for _, p := range plantest.OfType(rs, "aws:ssm/parameter:Parameter") {
		if p.Text("name") == "accepted-findings-shared-a1b2" {
			values = append(values, p.Text("value"))
		}
	}
	require.Len(t, values, 1)
	require.JSONEq(t, list, values[0])
	for _, f := range plantest.OfType(rs, "aws:lambda/function:Function") {
		text, err := json.Marshal(f.Inputs["environment"])
		require.NoError(t, err)
		require.NotContains(t, string(text), "CVE-")
	}
}

func TestAnAcceptedFindingIsComplete(t *testing.T) {
	t.Parallel()
	entry := func(change string) string {
		keys := map[string]string{"id": `"CVE-2026-1"`, "reason": `"it is never called"`, "expires": `"2027-01-31"`}
		if key, value, ok := strings.Cut(change, "="); ok {
			keys[key] = value
		} else {
			delete(keys, change)
		}
		var parts []string
		for k, v := range keys {
			parts = append(parts, fmt.Sprintf("%q:%s", k, v))
		}
		return "[{" + strings.Join(parts, ",") + "}]"
	}
	var long []string
	for i := range 40 {
		long = append(long, fmt.Sprintf(`{"id":"CVE-2026-%d","reason":%q,"expires":"2027-01-31"}`, i, strings.Repeat("because ", 12)))
	}
	for name, c := range map[string]struct{ value, want string }{
		"no list":               {`{"id":"CVE-2026-1"}`, `"shared:acceptedFindings"`},
		"no id":                 {entry("id"), `"shared:acceptedFindings[0].id" is ""`},
		"an id that is none":    {entry(`id="zlib"`), `"shared:acceptedFindings[0].id" is "zlib"`},
		"no reason":             {entry("reason"), `"shared:acceptedFindings[0].reason" is ""`},
		"a reason that is none": {entry(`reason="ok"`), `.reason" is "ok": expected why`},
		"a reference of SSM":    {entry(`reason="because {{ssm:x}} says so"`), ".reason"},
		"no day":                {entry("expires"), `"shared:acceptedFindings[0].expires" is ""`},
		"a day that is none":    {entry(`expires="2027-02-30"`), `pulumi config set --path 'shared:acceptedFindings[0].expires' 2027-01-31`},
		"an empty package":      {entry(`package=""`), `"shared:acceptedFindings[0].package" is ""`},
		"a misspelt key":        {entry(`pakage="zlib"`), `"shared:acceptedFindings[0].pakage"`},
		"the same twice":        {`[` + strings.Trim(entry(" "), "[]") + "," + strings.Trim(entry(" "), "[]") + `]`, "acceptedFindings[1].id"},
		"more than fits":        {"[" + strings.Join(long, ",") + "]", "expected at most 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plantest.Try("shared", plantest.Suffix, config(t, accepted(c.value)), program, stacks)
			require.ErrorContains(t, err, c.want)
		})
	}
}

package deploy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/pulumicli"
)

const examplePlan = `{"manifest":{"version":"v3.255.0"},"resourcePlans":{
"urn:pulumi:dev::p::pulumi:providers:aws::default_6_83_2":{"goal":{"inputDiff":{"adds":{
	"assumeRole":"{\"externalId\":\"x\",\"roleArn\":\"R1\",\"sessionName\":\"S1\"}","region":"R1"}}}},
"urn:pulumi:dev::p::pulumi:providers:aws::mine":{"goal":{"inputDiff":{"adds":{"assumeRole":{"roleArn":"R1","sessionName":"S1"}}}}},
"urn:pulumi:dev::p::aws:test/thing:Thing::t":{"goal":{"inputDiff":{"adds":{"assumeRole":"R1","size":12345678901234567890}}}},
"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev":{"goal":{"outputDiff":{"adds":{"a":1},"updates":{"b":2},"deletes":["c"]}}}}}`

func TestRewritePlanChangesOnlyTheDefaultProvidersSession(t *testing.T) {
	t.Parallel()
	got, err := rewritePlan([]byte(examplePlan), Session{"R1", "S1"}, Session{"R2", "S2"})
	require.NoError(t, err)
	want := strings.Replace(examplePlan, `\"roleArn\":\"R1\",\"sessionName\":\"S1\"`, `\"roleArn\":\"R2\",\"sessionName\":\"S2\"`, 1)
	require.JSONEq(t, want, string(got))
	require.Contains(t, string(got), "12345678901234567890", "numbers keep their digits")
}

func TestRewritePlanRefusesAnUnknownFormat(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "{}", `{"resourcePlans":[]}`} {
		_, err := rewritePlan([]byte(text), Session{}, Session{})
		require.ErrorContains(t, err, "the saved plan")
	}
}

func TestOutputChangesNameTheOutputsWithoutValues(t *testing.T) {
	t.Parallel()
	p, err := parsePlan([]byte(examplePlan))
	require.NoError(t, err)
	require.Equal(t, []Change{{URN: "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", Op: opOutputs, Paths: []string{"a", "b", "c"}}}, outputChanges(p))
}

// logOf makes an event log of steps.
func logOf(t *testing.T, all ...pulumicli.Step) []byte {
	t.Helper()
	var out []byte
	for _, m := range all {
		line, err := json.Marshal(map[string]any{"resourcePreEvent": map[string]any{"metadata": m}})
		require.NoError(t, err)
		out = append(append(out, line...), '\n')
	}
	return out
}

func TestNormaliseDropsWhatDiffersBetweenRuns(t *testing.T) {
	t.Parallel()
	const thingURN, providerURN = "urn:pulumi:dev::p::aws:test/thing:Thing::t", "urn:pulumi:dev::p::pulumi:providers:aws::default_6"
	const providerType = "pulumi:providers:aws"
	update := pulumicli.Step{Op: "update", URN: thingURN, Type: thing, DetailedDiff: map[string]any{"size": nil, "name": nil}}
	got, err := normalise(logOf(t,
		update, update,
		pulumicli.Step{Op: "same", URN: thingURN + "2", Type: thing},
		pulumicli.Step{Op: "read", URN: "urn:pulumi:dev::p::pulumi:pulumi:StackReference::r", Type: "pulumi:pulumi:StackReference"},
		pulumicli.Step{Op: "update", URN: providerURN, Type: providerType, Diffs: []string{"assumeRole"}},
		pulumicli.Step{Op: "create", URN: providerURN + "7", Type: providerType},
	))
	require.NoError(t, err)
	require.Equal(t, []Change{{URN: thingURN, Op: "update", Paths: []string{"name", "size"}}}, got)

	got, err = normalise(logOf(t, pulumicli.Step{Op: "update", URN: providerURN, Type: providerType, Diffs: []string{"assumeRole", "region"}}))
	require.NoError(t, err)
	require.Len(t, got, 1, "another region is not noise")
}

func TestSteppedCountsAnythingThatBegan(t *testing.T) {
	t.Parallel()
	require.False(t, pulumicli.Stepped(nil))
	require.False(t, pulumicli.Stepped(logOf(t, pulumicli.Step{Op: "same"})))
	require.True(t, pulumicli.Stepped(logOf(t, pulumicli.Step{Op: "same"}, pulumicli.Step{Op: "create"})))
	require.True(t, pulumicli.Stepped([]byte(`{"resourcePreEv`)), "a log that was cut off")
}

// exampleState is the export of a stack with a default provider and a thing;
// each change replaces a text in it.
func exampleState(t *testing.T, changes ...string) State {
	t.Helper()
	s, err := parseState([]byte(strings.NewReplacer(changes...).Replace(`{"version":3,"deployment":{"manifest":{"time":"2026-01-02T03:04:05Z","magic":"m"},
	"secrets_providers":{"type":"cloud","state":{"url":"awskms:///k","encryptedkey":"e"}},
	"resources":[{"urn":"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev","type":"pulumi:pulumi:Stack","outputs":{"limit":5},"created":"c0","modified":"m0"},
	{"urn":"urn:pulumi:dev::p::pulumi:providers:aws::default_6","type":"pulumi:providers:aws","id":"i0","inputs":{"region":"us-east-1","assumeRole":"{\"externalId\":\"x0\",\"roleArn\":\"r0\",\"sessionName\":\"s0\"}"},
		"outputs":{"assumeRole":"{\"externalId\":\"x0\",\"roleArn\":\"r0\",\"sessionName\":\"s0\"}"}},
	{"urn":"urn:pulumi:dev::p::pulumi:providers:aws::mine","type":"pulumi:providers:aws","inputs":{"assumeRole":"{\"roleArn\":\"own\"}"}},
	{"urn":"urn:pulumi:dev::p::pulumi:pulumi:StackReference::r","type":"pulumi:pulumi:StackReference","inputs":{"name":"organization/q/dev"}},
	{"urn":"urn:pulumi:dev::p::aws:test/thing:Thing::t","type":"aws:test/thing:Thing","id":"id-t","inputs":{"size":1,"created":"by ada"},"outputs":{"size":2},"protect":true,
		"dependencies":["d0"],"sourcePosition":"here","created":"c1","modified":"m1"}]}}`)))
	require.NoError(t, err)
	return s
}

func TestStateIsRead(t *testing.T) {
	t.Parallel()
	s := exampleState(t)
	require.Equal(t, []string{"organization/q/dev"}, s.References)
	require.Equal(t, Secrets{"awskms:///k", "e"}, s.Secrets)
	require.True(t, s.Exists && s.Deployed)
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), s.Written)
	killed := exampleState(t, `"resources"`, `"pending_operations":[{"type":"creating","resource":{"urn":"u"}}],"resources"`)
	require.Equal(t, []string{"creating u"}, killed.Pending)
	err := checkPending(Stack{Project: "p", Environment: "dev"}, killed)
	require.ErrorContains(t, err, "an earlier run of organization/p/dev was killed in the middle of creating u, and going on could do that twice: nothing was changed")
	require.NotContains(t, err.Error(), "pulumi refresh", "nobody has the rights for it")
}

func TestStateDigestLeavesOutWhatEveryRunWrites(t *testing.T) {
	t.Parallel()
	same := exampleState(t).Digest
	for name, changes := range map[string][]string{
		"time of writing":                {"2026-01-02", "2026-02-03"},
		"times of resources":             {`"c0"`, `"c9"`, `"m1"`, `"m9"`},
		"the default provider's role":    {`\"r0\"`, `\"r9\"`},
		"the default provider's session": {`\"s0\"`, `\"s9\"`},
	} {
		require.Equal(t, same, exampleState(t, changes...).Digest, name)
	}
	for name, changes := range map[string][]string{
		"input":                                  {`"size":1`, `"size":3`},
		"output":                                 {`"size":2`, `"size":3`},
		"stack output":                           {`"limit":5`, `"limit":6`},
		"input named like a time":                {`"by ada"`, `"by bob"`},
		"id":                                     {`"id-t"`, `"id-u"`},
		"protection":                             {`"protect":true`, `"protect":false`},
		"dependency":                             {`"d0"`, `"d9"`},
		"source position":                        {`"here"`, `"there"`},
		"urn":                                    {"Thing::t", "Thing::u"},
		"provider's id":                          {`"i0"`, `"i9"`},
		"default provider's region":              {"us-east-1", "us-east-2"},
		"default provider's external id":         {`\"x0\"`, `\"x9\"`},
		"explicit provider's role":               {`\"own\"`, `\"other\"`},
		"data key":                               {`"encryptedkey":"e"`, `"encryptedkey":"f"`},
		"pending operation":                      {`"resources"`, `"pending_operations":[{"type":"creating","resource":{"urn":"u"}}],"resources"`},
		"assumed role that is not a JSON object": {`"{\"externalId\":\"x0\",\"roleArn\":\"r0\",\"sessionName\":\"s0\"}"`, `"[]"`},
	} {
		require.NotEqual(t, same, exampleState(t, changes...).Digest, name)
	}
}

package deploy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	got, err := outputChanges([]byte(examplePlan))
	require.NoError(t, err)
	require.Equal(t, []Change{{URN: "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", Op: opOutputs, Paths: []string{"a", "b", "c"}}}, got)
}

// logOf makes an event log of steps.
func logOf(t *testing.T, all ...metadata) []byte {
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
	update := metadata{Op: "update", URN: thingURN, Type: thing, DetailedDiff: map[string]any{"size": nil, "name": nil}}
	got, err := normalise(logOf(t,
		update, update,
		metadata{Op: "same", URN: thingURN + "2", Type: thing},
		metadata{Op: "read", URN: "urn:pulumi:dev::p::pulumi:pulumi:StackReference::r", Type: "pulumi:pulumi:StackReference"},
		metadata{Op: "update", URN: providerURN, Type: providerType, Diffs: []string{"assumeRole"}},
		metadata{Op: "create", URN: providerURN + "7", Type: providerType},
	))
	require.NoError(t, err)
	require.Equal(t, []Change{{URN: thingURN, Op: "update", Paths: []string{"name", "size"}}}, got)

	got, err = normalise(logOf(t, metadata{Op: "update", URN: providerURN, Type: providerType, Diffs: []string{"assumeRole", "region"}}))
	require.NoError(t, err)
	require.Len(t, got, 1, "another region is no noise")
}

func TestSteppedCountsAnythingThatBegan(t *testing.T) {
	t.Parallel()
	require.False(t, stepped(nil))
	require.False(t, stepped(logOf(t, metadata{Op: "same"})))
	require.True(t, stepped(logOf(t, metadata{Op: "same"}, metadata{Op: "create"})))
	require.True(t, stepped([]byte(`{"resourcePreEv`)), "a log that was cut off")
}

func TestStateIsReadAndDigested(t *testing.T) {
	t.Parallel()
	state := func(time, size, pending string) State {
		s, err := parseState([]byte(`{"version":3,"deployment":{"manifest":{"time":"` + time + `"},
			"secrets_providers":{"type":"cloud","state":{"url":"awskms:///k","encryptedkey":"e"}},
			"resources":[{"urn":"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev","type":"pulumi:pulumi:Stack"},
			{"urn":"urn:pulumi:dev::p::pulumi:pulumi:StackReference::r","type":"pulumi:pulumi:StackReference","inputs":{"name":"organization/q/dev"}},
			{"urn":"urn:pulumi:dev::p::aws:test/thing:Thing::t","type":"aws:test/thing:Thing","inputs":{"size":` + size + `}}]` + pending + `}}`))
		require.NoError(t, err)
		return s
	}
	a := state("1", "1", "")
	require.Equal(t, State{Exists: true, Deployed: true, Digest: a.Digest, References: []string{"organization/q/dev"}, Secrets: Secrets{"awskms:///k", "e"}}, a)
	require.Equal(t, a.Digest, state("2", "1", "").Digest, "the time of writing says nothing")
	require.NotEqual(t, a.Digest, state("1", "2", "").Digest)
	killed := state("1", "1", `,"pending_operations":[{"type":"creating","resource":{"urn":"u"}}]`)
	require.Equal(t, []string{"creating u"}, killed.Pending)
	require.ErrorContains(t, checkPending(Stack{Project: "p", Environment: "dev"}, killed), "ended in the middle of creating u, and going on could do it twice: look whether it happened, then settle the state of organization/p/dev as \"A killed update\" in the deployment guide says")
}

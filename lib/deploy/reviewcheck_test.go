package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// forge changes a bundle as a program could that runs beside the deployer: the
// digest and the texts fit again, and the approver was shown them.
func (s *stage) forge(change func(*Bundle)) {
	s.Helper()
	b, err := readBundle(s.bundle)
	require.NoError(s, err)
	change(&b)
	require.NoError(s, b.write(s.bundle))
	s.digest, s.summary = b.Digest, b.exportedSummary()
}

func TestForgedReviewsAreRefused(t *testing.T) {
	s := newStage(t)
	s.delivered()
	s.messaging(77)
	s.preview()
	hidden, err := os.ReadFile(filepath.Join(s.bundle, "plans", "messaging.json"))
	require.NoError(t, err)
	s.messaging(20)
	s.preview()
	honest := s.bundle
	done := len(s.provider.done())

	for want, change := range map[string]func(b *Bundle){
		// The content says that nothing happens, and so do the texts.
		"stack messaging: what would happen is not what was reviewed (not reviewed: update topic (size); no longer: nothing)": func(b *Bundle) {
			b.Stacks[0].Changes, b.Stacks[0].Details = []Change{}, []Detail{}
		},
		"stack messaging: a new preview does not show the values that the review shows (update topic)": func(b *Bundle) {
			b.Stacks[0].Details[0].Lines = []string{"~ size: 10 => 11"}
		},
		"stack messaging: the reviewed plan allows what a new preview does not want (topic)": func(b *Bundle) {
			b.Stacks[0].PlanDigest = textDigest(hidden)
			require.NoError(t, os.WriteFile(filepath.Join(s.bundle, "plans", "messaging.json"), hidden, 0o600))
		},
		"stack messaging: the review says deployed: false, and its state says deployed: true": func(b *Bundle) { b.Stacks[0].Deployed = false },
		`stack messaging: the review says "it waits" of why it does not bind, and its dependencies give ""`: func(b *Bundle) {
			b.Stacks[0].Unbound = "it waits"
		},
		"stack messaging: the review says previewed: false, and its dependencies say previewed: true": func(b *Bundle) { b.Stacks[0].Previewed = false },
		"stack orders: a new preview does not show the values that the review shows (update queue)": func(b *Bundle) {
			b.Stacks[1].Details = []Detail{{URN: "urn:pulumi:dev::orders::aws:test/thing:Thing::queue", Op: opUpdate, Lines: []string{"~ size: 5 => 6"}}}
		},
	} {
		s.bundle = t.TempDir()
		require.NoError(t, os.CopyFS(s.bundle, os.DirFS(honest)))
		s.forge(change)
		require.ErrorContains(t, s.deploy(), want)
	}

	// The texts alone, and the summary of the approval alone.
	s.bundle = honest
	s.forge(func(*Bundle) {})
	s.summary = "2 stacks: no changes"
	require.ErrorContains(t, s.deploy(), `the approval showed the summary "2 stacks: no changes" and the review has "2 stacks: 1 to update, 1 to be previewed again when deploying": it was forged`)
	require.Len(t, s.provider.done(), done, "a refusal changes nothing")
	s.forge(func(*Bundle) {})
	require.NoError(t, s.deploy(), s.log.String())
	require.Equal(t, []string{"update m"}, s.provider.done()[done:])
}

func TestTextsThatTheContentDoesNotGiveAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := exampleBundle()
	b.Stacks = []Review{{Name: "a", Previewed: true, Changes: []Change{{URN: "urn:pulumi:dev::a::t::x", Op: opUpdate, Paths: []string{"size"}}}}}
	require.NoError(t, b.write(dir))
	b.Summary = "1 stack: no changes"
	var err error
	b.Digest, err = b.digest()
	require.NoError(t, err)
	require.ErrorContains(t, b.checkTexts(dir), `the summary of the review is "1 stack: no changes" and is not what its content gives, which is "1 stack: 1 to update": it was forged`)
}

const detailLog = `{"resourcePreEvent":{"metadata":{"op":"create","urn":"urn:pulumi:dev::p::aws:s3/bucket:Bucket::logs","type":"aws:s3/bucket:Bucket","new":{"inputs":{
 "__defaults":["bucket"],"bucket":"logs-1a2b3c4","tags":{"a.b":"x","empty":{}},"size":10,"list":[],"token":{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"[secret]"},
 "policy":"{\"Statement\":[{\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::logs-1a2b3c4/*\"}]}","code":{"4dabf18193072939515e22adb298388d":"0def7320c3a5731c473e5ecbe6d01bc7","hash":"abc","path":"/tmp/x"},
 "arn":"04da6b54-80e4-46f7-96ec-b56ff0331ba9"}}}}}
{"resourcePreEvent":{"metadata":{"op":"update","urn":"urn:pulumi:dev::p::t:m:T::b","type":"t:m:T","old":{"inputs":{"size":1,"gone":true,"text":"a\nb"}},"new":{"inputs":{"size":2,"text":"a\nc"}}}}}
{"resourcePreEvent":{"metadata":{"op":"same","urn":"urn:pulumi:dev::p::t:m:T::c","type":"t:m:T"}}}
{"resourcePreEvent":{"metadata":{"op":"read","urn":"urn:pulumi:dev::p::t:m:T::d","type":"t:m:T"}}}
{"resourcePreEvent":{"metadata":{"op":"delete","urn":"urn:pulumi:dev::p::t:m:T::e","type":"t:m:T","old":{"inputs":{"size":1}}}}}
{"resourcePreEvent":{"metadata":{"op":"create","urn":"urn:pulumi:dev::p::pulumi:providers:aws::default","type":"pulumi:providers:aws","new":{"inputs":{"region":"r"}}}}}
{"resOutputsEvent":{"metadata":{"op":"same","urn":"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev","type":"pulumi:pulumi:Stack","old":{"outputs":{"n":1}},"new":{"outputs":{}}}}}
{"resOutputsEvent":{"metadata":{"op":"same","urn":"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev","type":"pulumi:pulumi:Stack","old":{"outputs":{"n":1}},"new":{"outputs":{"n":2}}}}}
`

func TestDetailsAreValueByValueWithoutSecrets(t *testing.T) {
	t.Parallel()
	got, err := details([]byte(detailLog))
	require.NoError(t, err)
	require.Equal(t, []Detail{
		{"urn:pulumi:dev::p::aws:s3/bucket:Bucket::logs", opCreate, []string{
			"+ arn: [unknown]", `+ bucket: "logs-(random)"`, "+ code: archive abc", "+ list: []",
			`+ policy(json).Statement[0].Action: "s3:GetObject"`, `+ policy(json).Statement[0].Resource: "arn:aws:s3:::logs-(random)/*"`,
			"+ size: 10", `+ tags."a.b": "x"`, "+ tags.empty: {}", "+ token: [secret]",
		}},
		{"urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", opOutputs, []string{"~ n: 1 => 2"}},
		{"urn:pulumi:dev::p::t:m:T::b", opUpdate, []string{"- gone: true", "~ size: 1 => 2", `~ text: "a\nb" => "a\nc"`}},
		{"urn:pulumi:dev::p::t:m:T::e", opDelete, []string{}},
	}, got)
	_, err = details([]byte("{"))
	require.ErrorContains(t, err, "the engine's event log is not readable")
}

func TestPlansAreComparedWithoutWhatDiffersInEveryPreview(t *testing.T) {
	t.Parallel()
	const topic, provider = "urn:pulumi:dev::p::t:m:T::topic", "urn:pulumi:dev::p::pulumi:providers:aws::default"
	plan := func(goal, steps, session, seed string) []byte {
		return []byte(`{"manifest":{"time":"` + seed + `"},"resourcePlans":{"` + topic + `":{"goal":{` + goal + `},"steps":[` + steps + `],"seed":"` + seed + `"},
			"` + provider + `":{"goal":{"inputDiff":{"adds":{"region":"r","assumeRole":"` + session + `"}}},"steps":["update"]}}}`)
	}
	const secret = `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"`
	reviewed := plan(`"inputDiff":{"adds":{"name":"topic-1a2b3c4","token":`+secret+`a"},"dependencies":["x","y"]}},"dependencies":["u","v"],"propertyDependencies":{"name":["u","v"]}`, `"create"`, "one", "s1")
	for name, c := range map[string]struct {
		goal, steps string
		want        []string
	}{
		"the same":      {`"inputDiff":{"adds":{"name":"topic-5d6e7f8","token":` + secret + `b"},"dependencies":["x","y"]}},"dependencies":["v","u"],"propertyDependencies":{"name":["v","u"]}`, `"create"`, nil},
		"a value":       {`"inputDiff":{"adds":{"name":"other-1a2b3c4","token":` + secret + `b"},"dependencies":["x","y"]}},"dependencies":["v","u"],"propertyDependencies":{"name":["v","u"]}`, `"create"`, []string{"topic"}},
		"no secret":     {`"inputDiff":{"adds":{"name":"topic-1a2b3c4","token":"b","dependencies":["x","y"]}},"dependencies":["v","u"],"propertyDependencies":{"name":["v","u"]}`, `"create"`, []string{"topic"}},
		"a property":    {`"inputDiff":{"adds":{"name":"topic-1a2b3c4","token":` + secret + `b"},"dependencies":["y","x"]}},"dependencies":["v","u"],"propertyDependencies":{"name":["v","u"]}`, `"create"`, []string{"topic"}},
		"an operation":  {`"inputDiff":{"adds":{"name":"topic-1a2b3c4","token":` + secret + `b"},"dependencies":["x","y"]}},"dependencies":["v","u"],"propertyDependencies":{"name":["v","u"]}`, `"create","delete"`, []string{"topic"}},
		"a dependency":  {`"inputDiff":{"adds":{"name":"topic-1a2b3c4","token":` + secret + `b"},"dependencies":["x","y"]}},"dependencies":["v"],"propertyDependencies":{"name":["v","u"]}`, `"create"`, []string{"topic"}},
		"of a property": {`"inputDiff":{"adds":{"name":"topic-1a2b3c4","token":` + secret + `b"},"dependencies":["x","y"]}},"dependencies":["v","u"],"propertyDependencies":{"name":["v"]}`, `"create"`, []string{"topic"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := differingPlans(reviewed, plan(c.goal, c.steps, "two", "s2"))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	other, err := differingPlans(reviewed, []byte(`{"resourcePlans":{}}`))
	require.NoError(t, err)
	require.Equal(t, []string{"default", "topic"}, other)
}

// A bundle can be forged whole, so a state that moved is not a reason to believe
// its plan: every value of the new preview must be one that was shown.
func TestWhatAMovedStateLeavesToDoMustHaveBeenShownValueByValue(t *testing.T) {
	t.Parallel()
	const urn = "urn:pulumi:dev::p::aws:test/thing:Thing::t"
	reviewed := []Detail{
		{urn, "update", []string{"~ size: 10 => 20", `~ text: "a => b: c" => "d => e"`, "+ arn: [unknown]", "- old: 1", `~ tags["a: b"]: 1 => 2`}},
		{urn + "2", "delete", []string{}},
	}
	for name, c := range map[string]struct {
		fresh []Detail
		paths []string
	}{
		"a part of it":                {[]Detail{{urn, "update", []string{"~ size: 15 => 20"}}}, nil},
		"set where it was changed":    {[]Detail{{urn, "update", []string{"+ size: 20"}}}, nil},
		"texts that look like lines":  {[]Detail{{urn, "update", []string{`~ text: "x: y => z" => "d => e"`, `~ tags["a: b"]: 7 => 2`}}}, nil},
		"unknown became known":        {[]Detail{{urn, "update", []string{`+ arn: "arn:x"`}}}, nil},
		"taken away":                  {[]Detail{{urn, "update", []string{"- old: 9"}}}, nil},
		"the deletion":                {[]Detail{{urn + "2", "delete", []string{}}}, nil},
		"nothing":                     {nil, nil},
		"another value":               {[]Detail{{urn, "update", []string{"~ size: 10 => 21"}}}, []string{"size"}},
		"another text":                {[]Detail{{urn, "update", []string{`~ text: "a" => "b => d => e"`}}}, []string{"text"}},
		"another property":            {[]Detail{{urn, "update", []string{"~ size: 10 => 20", "+ port: 1"}}}, []string{"port"}},
		"set where it was taken away": {[]Detail{{urn, "update", []string{"+ old: 1"}}}, []string{"old"}},
		"another operation":           {[]Detail{{urn, "replace", []string{}}}, []string{}},
		"another resource":            {[]Detail{{urn + "3", "delete", []string{}}}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := unshownDetails(c.fresh, reviewed)
			if c.paths == nil {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.ElementsMatch(t, c.paths, got[0].Paths)
		})
	}
}

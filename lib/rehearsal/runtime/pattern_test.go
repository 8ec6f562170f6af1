package runtime

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const sampleEvent = `{"version":"0","id":"1","detail-type":"thing","source":"aws.ecr","account":"111122223333","time":"2026-01-01T00:00:00Z","region":"us-east-1",
"resources":["arn:aws:ecr:one","arn:aws:ecr:two"],
"detail":{"state":"FAILED","name":"Main","count":5,"flag":true,"none":null,"ip":"10.0.0.9","nested":{"deep":"x"},"list":[{"a":1},{"a":2,"b":"y"}],"empty":""}}`

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, pattern string
		want          bool
	}{
		{"exact", `{"source":["aws.ecr"]}`, true},
		{"one of", `{"source":["aws.s3","aws.ecr"]}`, true},
		{"case counts", `{"source":["AWS.ecr"]}`, false},
		{"all fields", `{"source":["aws.ecr"],"detail":{"state":["SUCCEEDED"]}}`, false},
		{"a list matches with any element", `{"resources":["arn:aws:ecr:two"]}`, true},
		{"number", `{"detail":{"count":[5.0]}}`, true},
		{"number is no string", `{"detail":{"count":["5"]}}`, false},
		{"bool", `{"detail":{"flag":[true]}}`, true},
		{"null", `{"detail":{"none":[null]}}`, true},
		{"null is not absent", `{"detail":{"missing":[null]}}`, false},
		{"empty text", `{"detail":{"empty":[""]}}`, true},
		{"prefix", `{"detail":{"state":[{"prefix":"FAIL"}]}}`, true},
		{"prefix ignoring case", `{"detail":{"state":[{"prefix":{"equals-ignore-case":"fail"}}]}}`, true},
		{"suffix", `{"detail":{"state":[{"suffix":"LED"}]}}`, true},
		{"suffix of a number", `{"detail":{"count":[{"suffix":"5"}]}}`, false},
		{"equals-ignore-case", `{"detail":{"name":[{"equals-ignore-case":"main"}]}}`, true},
		{"wildcard", `{"resources":[{"wildcard":"arn:*:two"}]}`, true},
		{"anything-but", `{"detail":{"state":[{"anything-but":"SUCCEEDED"}]}}`, true},
		{"anything-but list", `{"detail":{"state":[{"anything-but":["FAILED","STOPPED"]}]}}`, false},
		{"anything-but number", `{"detail":{"count":[{"anything-but":[5]}]}}`, false},
		{"anything-but prefix", `{"detail":{"state":[{"anything-but":{"prefix":"FAIL"}}]}}`, false},
		{"anything-but suffixes", `{"detail":{"state":[{"anything-but":{"suffix":["X","Y"]}}]}}`, true},
		{"anything-but of an absent field", `{"detail":{"missing":[{"anything-but":"x"}]}}`, false},
		{"numeric", `{"detail":{"count":[{"numeric":[">",0,"<=",5]}]}}`, true},
		{"numeric out of range", `{"detail":{"count":[{"numeric":[">",5]}]}}`, false},
		{"exists", `{"detail":{"state":[{"exists":true}]}}`, true},
		{"exists false", `{"detail":{"missing":[{"exists":false}]}}`, true},
		{"exists false below an absent object", `{"detail":{"missing":{"deep":[{"exists":false}]}}}`, true},
		{"exists is for leaves", `{"detail":{"nested":[{"exists":true}]}}`, false},
		{"nested", `{"detail":{"nested":{"deep":["x"]}}}`, true},
		{"objects in lists", `{"detail":{"list":{"a":[2],"b":["y"]}}}`, true},
		{"fields of different objects", `{"detail":{"list":{"a":[1],"b":["y"]}}}`, false},
		{"cidr", `{"detail":{"ip":[{"cidr":"10.0.0.0/24"}]}}`, true},
		{"or", `{"source":["aws.ecr"],"detail":{"$or":[{"state":["SUCCEEDED"]},{"count":[{"numeric":["=",5]}]}]}}`, true},
		{"neither", `{"$or":[{"source":["x"]},{"source":["y"]}]}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var event any
			require.NoError(t, json.Unmarshal([]byte(sampleEvent), &event))
			match, err := compilePattern(tc.pattern)
			require.NoError(t, err)
			require.Equal(t, tc.want, match(event))
		})
	}
}

func TestUnreadablePatternsAreErrors(t *testing.T) {
	t.Parallel()
	for pattern, text := range map[string]string{
		`{"source":"aws.ecr"}`:                     "source must be an object or an array",
		`{"source":[]}`:                            "source is an empty array",
		`{}`:                                       "the event pattern is empty",
		`[]`:                                       "no JSON object",
		`{"detail":{"a":[{"regex":"x"}]}}`:         "detail.a: unrecognized match type regex",
		`{"detail":{"a":[{"numeric":["~",1]}]}}`:   "does not know the comparison",
		`{"detail":{"a":[{"exists":"yes"}]}}`:      "exists takes true or false",
		`{"detail":{"$or":[{"a":["b"]}]}}`:         "at least two",
		`{"a":[{"prefix":"x","suffix":"y"}]}`:      "exactly one key",
		`{"a":[{"anything-but":{"numeric":"y"}}]}`: "unrecognized match type numeric",
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			_, err := compilePattern(pattern)
			require.ErrorContains(t, err, text)
		})
	}
}

func TestTransformers(t *testing.T) {
	t.Parallel()
	paths := map[string]string{"state": "$.detail.state", "count": "$.detail.count", "detail": "$.detail.nested", "type": "$.detail-type",
		"first": "$.resources[0]", "missing": "$.detail.nowhere", "b": "$.detail['list'][1].b", "all": "$.detail.list[*].a", "whole": "$"}
	for _, tc := range []struct{ name, template, want, refused string }{
		{"strings get quotes outside of strings", `{"state":<state>,"count":<count>}`, `{"state":"FAILED","count":5}`, ""},
		{"and none inside", `{"text":"<type>: <state> <count> times"}`, `{"text":"thing: FAILED 5 times"}`, ""},
		{"objects as they are", `{"d":<detail>}`, `{"d":{"deep":"x"}}`, ""},
		{"objects in strings lose their quotes", `{"d":"is <detail>"}`, `{"d":"is {deep:x}"}`, ""},
		{"a path that leads nowhere leaves nothing", `{"v":"<missing>"}`, `{"v":""}`, ""},
		{"which may be no JSON", `{"v":<missing>}`, "", "no valid JSON"},
		{"indexes and brackets", `{"v":["<first>","<b>"],"all":<all>}`, `{"v":["arn:aws:ecr:one","y"],"all":[1,2]}`, ""},
		{"a string", `"<type> is <state>"`, `"thing is FAILED"`, ""},
		{"several strings", "\"one <state>\"\n\"two\"", "\"one FAILED\"\n\"two\"", ""},
		{"bare text is refused", `Hello <state>`, "", "no valid JSON"},
		{"reserved", `{"rule":<aws.events.rule-arn>,"at":"<aws.events.event.ingestion-time>"}`, `{"rule":"arn:rule","at":"now"}`, ""},
		{"the event inside of a string", `{"v":"<aws.events.event.json>"}`, "", "can only be the value of a JSON field"},
		{"unknown variable", `{"v":<other>}`, "", "uses <other>, which the input paths do not define"},
		{"escapes stay", `{"v":"a \"<state>\" b"}`, `{"v":"a \"FAILED\" b"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var event map[string]any
			require.NoError(t, json.Unmarshal([]byte(sampleEvent), &event))
			got, err := transformer{Paths: paths, Template: tc.template}.apply(event, map[string]any{
				"aws.events.rule-arn": "arn:rule", "aws.events.event.ingestion-time": "now", "aws.events.event.json": event,
			})
			if tc.refused != "" {
				require.ErrorContains(t, err, tc.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestAValueThatBreaksTheTemplateIsRefused(t *testing.T) {
	t.Parallel()
	event := map[string]any{"detail": map[string]any{"pusher": `a"b`}}
	_, err := transformer{Paths: map[string]string{"p": "$.detail.pusher"}, Template: `{"p":"<p>"}`}.apply(event, nil)
	require.ErrorContains(t, err, "no valid JSON", "EventBridge does not escape what it puts in")
}

func TestPathsBeyondWhatIsPlayedAreErrors(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"detail", "$..a", "$.a[?(@.b)]", "$.a[-1]"} {
		_, _, err := lookup(map[string]any{}, path)
		require.Error(t, err, path)
	}
}

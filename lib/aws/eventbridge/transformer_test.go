package eventbridge

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sampleEvent = `{"version":"0","id":"1","detail-type":"thing","source":"aws.ecr","account":"111122223333","time":"2026-01-01T00:00:00Z","region":"us-east-1",
"resources":["arn:aws:ecr:one","arn:aws:ecr:two"],
"detail":{"state":"FAILED","name":"Main","count":5,"flag":true,"none":null,"ip":"10.0.0.9","nested":{"deep":"x"},"list":[{"a":1},{"a":2,"b":"y"}],"empty":""}}`

func TestTransformers(t *testing.T) {
	t.Parallel()
	paths := map[string]string{"state": "$.detail.state", "count": "$.detail.count", "detail": "$.detail.nested", "type": "$.detail-type",
		"first": "$.resources[0]", "missing": "$.detail.nowhere", "b": "$.detail.list[1].b", "all": "$.detail.list[*].a", "whole": "$"}
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
		{"bare text is refused", `Hello <state>`, "", "neither JSON nor quoted text"},
		{"reserved", `{"rule":<aws.events.rule-arn>,"at":"<aws.events.event.ingestion-time>"}`, `{"rule":"arn:rule","at":"now"}`, ""},
		{"the event inside of a string", `{"v":"<aws.events.event.json>"}`, "", "can only be the value of a JSON field"},
		{"or the event without its detail", `{"v":"<aws.events.event>"}`, "", "can only be the value of a JSON field"},
		{"unknown variable", `{"v":<other>}`, "", "uses <other>, which inputPaths does not define"},
		{"a variable as a key", `{<state>:1}`, "", "neither JSON nor quoted text"},
		{"a variable as a line", "\"one\"\n<state>", "", "neither JSON nor quoted text"},
		{"escapes stay", `{"v":"a \"<state>\" b"}`, `{"v":"a \"FAILED\" b"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var event map[string]any
			require.NoError(t, json.Unmarshal([]byte(sampleEvent), &event))
			got, err := Transformer{Paths: paths, Template: tc.template}.Apply(event, map[string]any{
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
	_, err := Transformer{Paths: map[string]string{"p": "$.detail.pusher"}, Template: `{"p":"<p>"}`}.Apply(event, nil)
	require.ErrorContains(t, err, "no valid JSON", "EventBridge does not escape what it puts in")
}

func TestPathsThatEventBridgeDoesNotKnowAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"detail", "", "$..a", "$.a[?(@.b)]", "$.a[-1]", "$.a['b']", `$.a["b"]`, "$.a.$", "$." + strings.Repeat("a", 255)} {
		require.Error(t, CheckPath(path), path)
	}
}

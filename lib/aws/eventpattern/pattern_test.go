package eventpattern_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/eventpattern"
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
		{"number is not a string", `{"detail":{"count":["5"]}}`, false},
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
			match, err := eventpattern.Compile(tc.pattern)
			require.NoError(t, err)
			require.Equal(t, tc.want, match(event))
		})
	}
}

func TestUnreadablePatternsAreErrors(t *testing.T) {
	t.Parallel()
	for pattern, text := range map[string]string{
		`{"source":"aws.ecr"}`:                     "source must be an object or an array",
		`{"source":[]}`:                            "source is an empty list",
		`{"detail":{"a":{}}}`:                      "detail.a is an empty object",
		`{}`:                                       "an empty object",
		`[]`:                                       "not a JSON object",
		`{"a":[["x"]]}`:                            "a list in a list",
		`{"a":[{"numeric":[">"]}]}`:                "one or two comparisons",
		`{"a":[{"numeric":[">",5,"<",1]}]}`:        "is not a range",
		`{"a":[{"numeric":["<",1,">",5]}]}`:        "is not a range",
		`{"a":[{"prefix":""}]}`:                    "a string that is not empty",
		`{"a":[{"prefix":1}]}`:                     "a string that is not empty",
		`{"a":[{"cidr":"ten"}]}`:                   "netip",
		`{"a":[{"wildcard":"a**b"}]}`:              "is not valid",
		`{"a":[{"anything-but":[]}]}`:              "at least one value",
		`{"a":[{"anything-but":[true]}]}`:          "strings and numbers",
		`{"a":[{"anything-but":{"prefix":[]}}]}`:   "at least one value",
		`{"detail":{"a":[{"regex":"x"}]}}`:         "detail.a: unrecognized match type regex",
		`{"detail":{"a":[{"numeric":["~",1]}]}}`:   "does not know the comparison",
		`{"detail":{"a":[{"exists":"yes"}]}}`:      "exists takes true or false",
		`{"detail":{"$or":[{"a":["b"]}]}}`:         "at least two",
		`{"a":[{"prefix":"x","suffix":"y"}]}`:      "exactly one key",
		`{"a":[{"anything-but":{"numeric":"y"}}]}`: "does not take the match type numeric",
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			_, err := eventpattern.Compile(pattern)
			require.ErrorContains(t, err, text)
		})
	}
}

package deploy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/sentinel"
)

// planOf is a saved plan with one thing; the texts are its steps, and the JSON
// of what its goal says.
func planOf(steps, goal string) []byte {
	quoted := `"` + strings.ReplaceAll(steps, ",", `","`) + `"`
	if goal != "" {
		goal = `"goal":` + goal + `,`
	}
	return fmt.Appendf(nil, `{"resourcePlans":{"urn:pulumi:dev::p::aws:test/thing:Thing::t":{%s"steps":[%s]}}}`, goal, quoted)
}

func sealedJSON(text string) string {
	return fmt.Sprintf(`{%q:%q,"ciphertext":%q}`, sentinel.Signature, sentinel.Secret, text)
}

func TestFreshPlanIsHeldToTheReviewedOneValueByValue(t *testing.T) {
	t.Parallel()
	// "nonce:value" is opened to value.
	open := func(ciphertext string) (string, error) {
		_, value, ok := strings.Cut(ciphertext, ":")
		if !ok {
			return "", errors.New("another data key")
		}
		return value, nil
	}
	in := func(diff string) string { return `{"protect":false,"inputDiff":` + diff + `,"outputDiff":{}}` }
	out := func(diff string) string { return `{"protect":false,"inputDiff":{},"outputDiff":` + diff + `}` }
	none := []byte(`{"resourcePlans":{}}`)
	asset := func(path, hash string) string {
		return in(fmt.Sprintf(`{"updates":{"code":{%q:%q,"path":%q,"hash":%q}}}`, sentinel.Signature, sentinel.Asset, path, hash))
	}
	for name, c := range map[string]struct {
		reviewed, fresh []byte
		want            string // op and properties of what was not shown
	}{
		"the same":                      {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", in(`{"updates":{"size":20}}`)), ""},
		"done since":                    {planOf("update", in(`{"updates":{"size":20}}`)), planOf("same", in(`{}`)), ""},
		"another value":                 {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", in(`{"updates":{"size":65535}}`)), "update size"},
		"another digit far behind":      {planOf("update", in(`{"updates":{"size":12345678901234567890}}`)), planOf("update", in(`{"updates":{"size":12345678901234567891}}`)), "update size"},
		"a text for a number":           {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", in(`{"updates":{"size":"20"}}`)), "update size"},
		"added where it was changed":    {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", in(`{"adds":{"size":20}}`)), ""},
		"one more property":             {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", in(`{"updates":{"size":20},"adds":{"name":"x"}}`)), "update name"},
		"one property less":             {planOf("update", in(`{"updates":{"size":20},"deletes":["name"]}`)), planOf("update", in(`{"updates":{"size":20}}`)), ""},
		"takes one away":                {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", in(`{"updates":{"size":20},"deletes":["name"]}`)), "update name"},
		"takes away what it set":        {planOf("update", in(`{"updates":{"name":"gone"}}`)), planOf("update", in(`{"deletes":["name"]}`)), "update name"},
		"deep down":                     {planOf("update", in(`{"updates":{"tags":{"a":["x"]}}}`)), planOf("update", in(`{"updates":{"tags":{"a":["y"]}}}`)), "update tags"},
		"one more below":                {planOf("update", in(`{"updates":{"tags":{"a":"x"}}}`)), planOf("update", in(`{"updates":{"tags":{"a":"x","b":"y"}}}`)), "update tags"},
		"null is a value":               {planOf("update", in(`{"updates":{"a":null}}`)), planOf("update", in(`{"updates":{"b":null}}`)), "update b"},
		"unknown becomes known":         {planOf("update", in(`{"updates":{"arn":"`+sentinel.UnknownText+`"}}`)), planOf("update", in(`{"updates":{"arn":{"a":1}}}`)), ""},
		"unknown becomes known below":   {planOf("create", in(`{"adds":{"tags":{"a":"`+sentinel.UnknownText+`","b":1}}}`)), planOf("create", in(`{"adds":{"tags":{"a":"x","b":2}}}`)), "create tags"},
		"known becomes unknown":         {planOf("update", in(`{"updates":{"arn":"x"}}`)), planOf("update", in(`{"updates":{"arn":"`+sentinel.UnknownText+`"}}`)), "update arn"},
		"another operation":             {planOf("create", in(`{"adds":{"size":20}}`)), planOf("update", in(`{"updates":{"size":20}}`)), "update size"},
		"replaced instead of updated":   {planOf("update", in(`{"updates":{"size":20}}`)), planOf("create-replacement,replace,delete-replaced", in(`{"updates":{"size":20}}`)), "create-replacement, replace, delete-replaced size"},
		"deleted as shown":              {planOf("delete", ""), planOf("delete", ""), ""},
		"deleted":                       {none, planOf("delete", ""), "delete "},
		"not in the review":             {none, planOf("create", in(`{"adds":{"size":20}}`)), "create size"},
		"nothing to do":                 {none, planOf("same", in(`{}`)), ""},
		"read":                          {none, planOf("read", in(`{}`)), ""},
		"an output":                     {planOf("same", out(`{"updates":{"limit":5}}`)), planOf("same", out(`{"updates":{"limit":65535}}`)), "outputs limit"},
		"an output that was shown":      {planOf("same", out(`{"updates":{"limit":5}}`)), planOf("same", out(`{"adds":{"limit":5}}`)), ""},
		"an output, unknown then":       {planOf("same", out(`{"updates":{"arn":"`+sentinel.UnknownText+`"}}`)), planOf("same", out(`{"updates":{"arn":"x"}}`)), ""},
		"equal secrets":                 {planOf("update", in(`{"updates":{"token":`+sealedJSON(`1:"a"`)+`}}`)), planOf("update", in(`{"updates":{"token":`+sealedJSON(`2:"a"`)+`}}`)), ""},
		"another secret":                {planOf("update", in(`{"updates":{"token":`+sealedJSON(`1:"a"`)+`}}`)), planOf("update", in(`{"updates":{"token":`+sealedJSON(`2:"b"`)+`}}`)), "update token"},
		"a secret, unknown then":        {planOf("update", in(`{"updates":{"token":`+sealedJSON(`1:"`+sentinel.UnknownText+`"`)+`}}`)), planOf("update", in(`{"updates":{"token":`+sealedJSON(`2:"b"`)+`}}`)), ""},
		"a secret that can't be read":   {planOf("update", in(`{"updates":{"token":`+sealedJSON(`x`)+`}}`)), planOf("update", in(`{"updates":{"token":`+sealedJSON(`x`)+`}}`)), "update token"},
		"a secret that is none now":     {planOf("update", in(`{"updates":{"token":`+sealedJSON(`1:"a"`)+`}}`)), planOf("update", in(`{"updates":{"token":"a"}}`)), "update token"},
		"the same file elsewhere":       {planOf("update", asset("/tmp/1/f", "h")), planOf("update", asset("/tmp/2/f", "h")), ""},
		"another file":                  {planOf("update", asset("f", "h")), planOf("update", asset("f", "i")), "update code"},
		"protection":                    {planOf("update", in(`{"updates":{"size":20}}`)), planOf("update", `{"protect":true,"inputDiff":{"updates":{"size":20}},"outputDiff":{}}`), "update protect"},
		"another provider":              {planOf("create", `{"inputDiff":{},"provider":"urn:a::`+sentinel.UnknownText+`"}`), planOf("create", `{"inputDiff":{},"provider":"urn:b::id"}`), "create provider"},
		"the provider that exists now":  {planOf("create", `{"inputDiff":{},"provider":"urn:a::`+sentinel.UnknownText+`"}`), planOf("create", `{"inputDiff":{},"provider":"urn:a::id"}`), ""},
		"dependencies in another order": {planOf("create", `{"inputDiff":{},"dependencies":["a","b"]}`), planOf("create", `{"inputDiff":{},"dependencies":["b","a"]}`), ""},
		"another import":                {planOf("import", `{"inputDiff":{},"id":"a"}`), planOf("import", `{"inputDiff":{},"id":"b"}`), "import id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more, err := unshown(c.fresh, c.reviewed, open)
			require.NoError(t, err)
			var got []string
			for _, m := range more {
				got = append(got, m.Op+" "+strings.Join(m.Paths, ","))
			}
			require.Equal(t, c.want, strings.Join(got, "; "))
		})
	}
}

func TestDefaultProvidersAreHeldToTheReviewExceptForTheirSession(t *testing.T) {
	t.Parallel()
	plan := func(steps, updates string) []byte {
		return fmt.Appendf(nil, `{"resourcePlans":{"urn:pulumi:dev::p::pulumi:providers:aws::default_6":{"goal":{"inputDiff":{"updates":{%s}}},"steps":[%q]}}}`, updates, steps)
	}
	none := []byte(`{"resourcePlans":{}}`)
	more, err := unshown(plan("update", `"assumeRole":"s2"`), plan("update", `"assumeRole":"s1"`), nil)
	require.NoError(t, err)
	require.Empty(t, more)
	more, err = unshown(plan("create", `"region":"us-east-1"`), none, nil)
	require.NoError(t, err)
	require.Empty(t, more)
	more, err = unshown(plan("update", `"assumeRole":"s2","region":"us-east-2"`), plan("update", `"assumeRole":"s1","region":"us-east-1"`), nil)
	require.NoError(t, err)
	require.Equal(t, []Change{{URN: "urn:pulumi:dev::p::pulumi:providers:aws::default_6", Op: "update", Paths: []string{"region"}}}, more)
}

func TestUnknownPlanFormatsAreRefused(t *testing.T) {
	t.Parallel()
	good := planOf("update", `{"inputDiff":{}}`)
	for _, bad := range []string{"", "{}", `{"resourcePlans":{"u":{}}}`} {
		_, err := unshown([]byte(bad), good, nil)
		require.Error(t, err, bad)
	}
	for _, ciphertext := range []string{"", "v2:a:b", "v1:a", "v1:AAAA:AAAA", "v1:!:!"} {
		_, err := openWith(make([]byte, 32), ciphertext)
		require.Error(t, err, ciphertext)
	}
}

func TestRemovalIsHeldToTheReviewByNames(t *testing.T) {
	t.Parallel()
	a, b := Change{URN: "a", Op: opDelete}, Change{URN: "b", Op: opDelete}
	require.Empty(t, beyondNames([]Change{a}, []Change{a, b}, true))
	require.Equal(t, []Change{b}, beyondNames([]Change{a, b}, []Change{a}, true))
	options := Change{URN: "a", Op: opOptions, Paths: []string{"protect", "retainOnDelete"}}
	require.Equal(t, []Change{{URN: "a", Op: opOptions, Paths: []string{"protect"}}},
		beyondNames([]Change{options, b}, []Change{{URN: "a", Op: opOptions, Paths: []string{"retainOnDelete"}}}, false))
}

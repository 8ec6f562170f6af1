package iam_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"delivery.internal/lib/iam"
)

// TestMain sets how many pairs of policies the comparison is held to, unless a
// flag says so. With -short rapid takes a fifth of them.
func TestMain(m *testing.M) {
	flag.Parse()
	checks := "30000"
	if testing.Short() {
		checks = "3000"
	}
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		_ = flag.Set("rapid.checks", checks) // a number is always accepted
	}
	os.Exit(m.Run())
}

// The world in which policies are drawn: few names, so that they meet often.
var (
	actionPatterns   = []string{"*", "s3:*", "s3:Get*", "s3:?etObject", "s3:*Object", "s3:*etObject", "S3:getobject", "s3:GetObject", "s3:PutObject", "kms:Decrypt", "sts:AssumeRole", "sts:*"}
	resourcePatterns = []string{"*", "arn:aws:s3:::*", "arn:aws:s3:::box", "arn:aws:s3:::box*", "arn:aws:s3:::box/*", "arn:aws:s3:::b?x/a", "arn:aws:s3:::b*x/a", "*:*", "*:*:*:*:*:*", "arn:aws:s3:::box/a", "arn:aws:s3:::box/${aws:PrincipalTag/team}",
		"arn:aws:s3:::${aws:PrincipalTag/team}/a", "arn:aws:s3:::box/${*}", "arn:aws", "arn:aws:*:*:" + home, "arn:aws:kms:*:*:key/*", key, role, "arn:aws:iam::*:role/*"}
	principalValues = []string{"*", home, "arn:aws:iam::" + home + ":root", role, role + "2", builder.ARN, "arn:aws:iam::" + home + ":user/eve", other, "arn:aws:iam::" + other + ":role/far", "events.amazonaws.com"}

	requestActions   = []string{"s3:GetObject", "s3:PutObject", "s3:SetObject", "s3:GetObjectTagging", "kms:Decrypt", "sts:AssumeRole"}
	requestResources = []string{"*", "arn:aws:s3:::box", "arn:aws:s3:::boxes", "arn:aws:s3:::box/a", "arn:aws:s3:::box/a/b", "arn:aws:s3:::box/*", "arn:aws:s3:::team/a", key, role}
	requesters       = []iam.Principal{
		builder,
		{Kind: iam.Role, ARN: "arn:aws:sts::" + home + ":assumed-role/builder2/one", PrincipalARN: role + "2", Account: home, Tags: map[string]string{"team": "a"}},
		{Kind: iam.User, ARN: "arn:aws:iam::" + home + ":user/eve", Account: home, Tags: map[string]string{"team": "box"}},
		{Kind: iam.Root, ARN: "arn:aws:iam::" + home + ":root", Account: home},
		{Kind: iam.Role, ARN: "arn:aws:sts::" + other + ":assumed-role/far/one", PrincipalARN: "arn:aws:iam::" + other + ":role/far", Account: other, Tags: map[string]string{"team": "a:b"}},
		{Kind: iam.Service, ARN: "events.amazonaws.com"},
	}

	// conditionKeys are keys with values of policies and values of requests.
	conditionKeys = map[string]struct {
		bases            []string
		policy, requests []string
	}{
		"sts:ExternalId": {[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
			[]string{"x", "X", "x*", "?", "*", "xy", "${aws:PrincipalTag/team}"}, []string{"x", "X", "xy", "y", "x*", "a", "${aws:PrincipalTag/team}"}},
		"aws:TagKeys":            {[]string{"StringEquals", "StringLike", "StringNotEquals"}, []string{"a", "b", "a*", "ab"}, []string{"a", "b", "ab"}},
		"s3:max-keys":            {[]string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"}, []string{"1", "2", "3", "x"}, []string{"0", "1", "1.5", "2", "3", "4"}},
		"aws:CurrentTime":        {[]string{"DateEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"}, []string{"2026-01-01", "2026-02-01", "2026-03-01T00:00:00Z"}, []string{"2025-01-01", "2026-01-01", "2026-02-01", "2027-01-01"}},
		"aws:SourceIp":           {[]string{"IpAddress", "NotIpAddress"}, []string{"10.0.0.0/8", "10.0.0.0/14", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104"}, []string{"10.1.2.3", "10.9.0.1", "11.0.0.1", "::1"}},
		"aws:SourceArn":          {[]string{"ArnEquals", "ArnLike", "ArnNotLike", "StringLike", "StringEquals"}, []string{"arn:aws:sns:*:*:t", "arn:aws:sns:us-east-1:" + home + ":t", "arn:aws:sns:us-east-1:*:*", "*"}, []string{"arn:aws:sns:us-east-1:" + home + ":t", "arn:aws:sns:us-east-1:" + home + ":u", "arn:aws:sns:eu-west-1:" + home + ":t"}},
		"aws:SecureTransport":    {[]string{"Bool"}, []string{"true", "false"}, []string{"true", "false"}},
		"aws:RequestTag/absent":  {[]string{"Null", "StringEquals", "StringNotEquals"}, []string{"true", "false"}, []string{"true"}},
		"aws:PrincipalAccount":   {[]string{"StringEquals", "StringNotEquals"}, []string{home, other}, nil},
		"unknown:OperatorsToo":   {[]string{"StringSounds", "StringEquals"}, []string{"a"}, []string{"a"}},
		"events:detail-type":     {[]string{"Null", "StringEquals", "StringLike"}, []string{"true", "false", "t"}, []string{"t", "u"}},
		"kms:GrantIsForAWSThing": {[]string{"Bool", "Null"}, []string{"true", "false"}, []string{"true", "false"}},
	}
	conditionNames = slices.Sorted(func(yield func(string) bool) {
		for k := range conditionKeys {
			if !yield(k) {
				return
			}
		}
	})
)

type drawn struct {
	Effect       string                         `json:"Effect"`
	Principal    any                            `json:"Principal,omitempty"`
	NotPrincipal any                            `json:"NotPrincipal,omitempty"`
	Action       []string                       `json:"Action,omitempty"`
	NotAction    []string                       `json:"NotAction,omitempty"`
	Resource     []string                       `json:"Resource,omitempty"`
	NotResource  []string                       `json:"NotResource,omitempty"`
	Condition    map[string]map[string][]string `json:"Condition,omitempty"`
}

func some(t *rapid.T, from []string, atMost int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, atMost, rapid.ID[string]).Draw(t, "some")
}

func oneIn(t *rapid.T, n int) bool { return rapid.IntRange(1, n).Draw(t, "one in") == 1 }

func drawPrincipal(t *rapid.T) any {
	out := map[string][]string{}
	for _, p := range some(t, principalValues, 3) {
		kind := "AWS"
		if strings.HasSuffix(p, ".amazonaws.com") {
			kind = "Service"
		}
		if p == "*" && oneIn(t, 2) {
			return "*"
		}
		out[kind] = append(out[kind], p)
	}
	return out
}

func drawCondition(t *rapid.T, into map[string]map[string][]string) {
	key := rapid.SampledFrom(conditionNames).Draw(t, "key")
	k := conditionKeys[key]
	operator := rapid.SampledFrom(k.bases).Draw(t, "operator")
	if operator != "Null" {
		operator = rapid.SampledFrom([]string{"", "", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") + operator + rapid.SampledFrom([]string{"", "", "IfExists"}).Draw(t, "suffix")
	}
	if into[operator] == nil {
		into[operator] = map[string][]string{}
	}
	into[operator][key] = some(t, k.policy, 2)
}

func drawStatement(t *rapid.T, attached bool) drawn {
	s := drawn{Effect: rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"), Condition: map[string]map[string][]string{}}
	switch {
	case attached && oneIn(t, 5):
		s.NotPrincipal = drawPrincipal(t)
	case attached && !oneIn(t, 20):
		s.Principal = drawPrincipal(t)
	}
	if a := some(t, actionPatterns, 3); oneIn(t, 5) {
		s.NotAction = a
	} else {
		s.Action = a
	}
	if r := some(t, resourcePatterns, 3); oneIn(t, 5) {
		s.NotResource = r
	} else if !oneIn(t, 8) { // left out: all of a resource, or nothing
		s.Resource = r
	}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		drawCondition(t, s.Condition)
	}
	return s
}

// changed returns a copy of statements with one change of the kinds that people
// make, for better or worse.
func changed(t *rapid.T, list []drawn, attached bool) []drawn {
	b, _ := json.Marshal(list) // strings and maps always marshal
	var out []drawn
	_ = json.Unmarshal(b, &out)
	i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
	s := &out[i]
	if s.Condition == nil {
		s.Condition = map[string]map[string][]string{}
	}
	swap := func(list []string, from []string) {
		if len(list) > 0 {
			list[rapid.IntRange(0, len(list)-1).Draw(t, "at")] = rapid.SampledFrom(from).Draw(t, "by")
		}
	}
	drop := func(list []string) []string {
		if len(list) > 1 {
			return list[1:]
		}
		return list
	}
	switch rapid.IntRange(0, 13).Draw(t, "change") {
	case 0:
		out = append(out, drawStatement(t, attached))
	case 1:
		out = slices.Delete(out, i, i+1)
	case 2:
		swap(s.Action, actionPatterns)
	case 3:
		swap(s.Resource, resourcePatterns)
	case 4:
		swap(s.NotAction, actionPatterns)
	case 5:
		swap(s.NotResource, resourcePatterns)
	case 6:
		s.Action, s.NotAction = drop(s.Action), drop(s.NotAction)
	case 7:
		s.Resource, s.NotResource = drop(s.Resource), drop(s.NotResource)
	case 8:
		drawCondition(t, s.Condition)
	case 9:
		clear(s.Condition)
	case 10, 11:
		for op, keys := range s.Condition { // at most two: the order does not matter
			for key, values := range keys {
				delete(s.Condition[op], key)
				k := conditionKeys[key]
				next := rapid.SampledFrom(append(slices.Clone(k.bases), op)).Draw(t, "next")
				if s.Condition[next] == nil {
					s.Condition[next] = map[string][]string{}
				}
				if swap(values, k.policy); oneIn(t, 2) {
					values = drop(values)
				}
				s.Condition[next][key] = values
				return out
			}
		}
	case 12:
		if attached {
			s.Principal, s.NotPrincipal = drawPrincipal(t), nil
		}
	case 13:
		slices.Reverse(out)
		slices.Reverse(s.Action)
	}
	return out
}

func document(t *rapid.T, list []drawn) string {
	if len(list) == 0 {
		return ""
	}
	version := rapid.SampledFrom([]string{iam.Version, iam.Version, iam.Version, "2008-10-17"}).Draw(t, "version")
	b, err := json.Marshal(map[string]any{"Version": version, "Statement": list})
	require.NoError(t, err)
	return string(b)
}

// randomRequest takes requests from a source of its own: drawing each value with
// rapid would take longer than evaluating it.
func randomRequest(r *rand.Rand) iam.Request {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	out := iam.Request{Principal: requesters[r.IntN(len(requesters))], Action: pick(requestActions), Resource: pick(requestResources),
		ResourceAccount: home, Context: map[string][]string{}}
	for _, name := range conditionNames {
		if values := conditionKeys[name].requests; len(values) > 0 && r.IntN(2) == 0 {
			out.Context[name] = []string{pick(values)}
			if r.IntN(3) == 0 {
				out.Context[name] = append(out.Context[name], pick(values))
			}
		}
	}
	return out
}

// standing are the policies beside the one that changes.
func standing(kind iam.Kind, text string, variant int) iam.Policies {
	full := identity(`{"Effect":"Allow","Action":"*","Resource":"*"}`)
	gets := identity(`{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`)
	one := []iam.Named{{Name: "changes", Document: text}}
	if text == "" {
		one = nil
	}
	var p iam.Policies
	switch kind {
	case iam.Identity:
		p.Identity, p.Resource = one, []*iam.Named{nil, named(granting("Allow", `{"AWS":"`+home+`"}`)), named(granting("Allow", `{"AWS":["`+role+`","`+other+`"]}`)), nil}[variant]
	case iam.Boundary:
		p.Identity, p.Boundary = full, &iam.Named{Name: "changes", Document: policy()}
		if one != nil {
			p.Boundary = &one[0]
		}
		p.Resource = []*iam.Named{nil, named(granting("Allow", `{"AWS":"`+role+`"}`)), nil, nil}[variant]
	default:
		p.Identity = [][]iam.Named{nil, full, gets, gets}[variant]
		if one != nil {
			p.Resource = &one[0]
		}
		if variant == 3 {
			p.Boundary = named(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::box/*"}`)
		}
	}
	return p
}

// TestWhatIsCalledNarrowerAllowsNothingNew draws policies and changes to them,
// and holds the comparison to the evaluator. How often it says which is printed
// and bounded: a comparison that calls everything broadened would pass else.
func TestWhatIsCalledNarrowerAllowsNothingNew(t *testing.T) {
	t.Parallel()
	var verdicts [3]atomic.Int64
	var cases, rewritten, witnessed, requests atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]iam.Kind{iam.Identity, iam.Boundary, iam.Trust, iam.Resource("s3")}).Draw(t, "kind")
		attached := kind == iam.Trust || kind.Service != ""
		var before []drawn
		for range rapid.IntRange(1, 3).Draw(t, "statements") {
			before = append(before, drawStatement(t, attached))
		}
		after := before
		for range rapid.IntRange(1, 2).Draw(t, "changes") {
			if len(after) > 0 {
				after = changed(t, after, attached)
			}
		}
		was, is := document(t, before), document(t, after)
		verdict, more := iam.Compare(kind, was, is)
		verdicts[verdict].Add(1)
		cases.Add(1)
		if verdict != iam.Broadened && was != is {
			rewritten.Add(1)
		}
		require.Equal(t, verdict == iam.Broadened, len(more) > 0)
		variant, fresh := rapid.IntRange(0, 3).Draw(t, "variant"), false
		source := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range 50 {
			r := randomRequest(source)
			requests.Add(1)
			if d := iam.Evaluate(r, standing(kind, is, variant)); d.Allowed && !iam.Evaluate(r, standing(kind, was, variant)).Allowed {
				fresh = true
				require.Equal(t, iam.Broadened, verdict, "%s\nbefore %s\nafter  %s\nnow allowed: %+v", kind, was, is, r)
			}
		}
		if fresh {
			witnessed.Add(1)
		}
	})
	t.Logf("%d pairs of policies: %d unchanged, %d narrowed, %d broadened (a request shows %d of them), none of %d requests newly allowed by what is not broadened",
		cases.Load(), verdicts[iam.Unchanged].Load(), verdicts[iam.Narrowed].Load(), verdicts[iam.Broadened].Load(), witnessed.Load(), requests.Load())
	if !t.Failed() {
		require.Greater(t, rewritten.Load(), cases.Load()/5, "the comparison must recognise narrower policies, not refuse everything")
		require.Greater(t, witnessed.Load(), cases.Load()/50, "the requests must find what becomes possible")
	}
}

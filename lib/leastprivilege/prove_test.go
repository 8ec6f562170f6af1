package leastprivilege

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam"
)

const (
	account = "111122223333"
	bucket  = "arn:aws:s3:::reports"
	own     = `{"Version":"2012-10-17","Statement":[
		{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:GetObjectTagging"],"Resource":["arn:aws:s3:::reports/*","arn:aws:s3:::drafts/*"]},
		{"Sid":"Key","Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:us-east-1:111122223333:key/k","Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}}]}`
	ofKey = `{"Version":"2012-10-17","Statement":{"Sid":"Users","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:Decrypt","Resource":"*",
		"Condition":{"StringEquals":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/reader","arn:aws:iam::111122223333:role/gone"]}}}}`
)

// recording has one reader, who reads one report.
func recording() *Recording {
	r := NewRecording()
	r.AddPolicy(IdentityRef(account, "reader-policy"), "shared RolePolicy reader", own)
	r.AddPolicy("key k", "bootstrap Key key", ofKey)
	reader := iam.Principal{Kind: iam.Role, ARN: "arn:aws:sts::111122223333:assumed-role/reader/x", PrincipalARN: "arn:aws:iam::111122223333:role/reader", Account: account}
	policies := iam.Policies{Identity: []iam.Named{{Name: "reader-policy", Document: own}}}
	for range 3 {
		r.Add(iam.Request{Principal: reader, Action: "s3:GetObject", Resource: bucket + "/one", ResourceAccount: account}, policies)
	}
	policies.Resource = &iam.Named{Name: "key k", Document: ofKey}
	r.Add(iam.Request{Principal: reader, Action: "kms:Decrypt", Resource: "arn:aws:kms:us-east-1:111122223333:key/k", ResourceAccount: account,
		Context: map[string][]string{"kms:ViaService": {"s3.us-east-1.amazonaws.com"}}}, policies)
	return r
}

func unnoticed(t *testing.T, r *Recording) []string {
	t.Helper()
	result, err := Prove(r)
	require.NoError(t, err)
	require.Equal(t, result.Tried, result.Noticed+len(result.Unnoticed))
	var out []string
	for _, p := range result.Unnoticed {
		out = append(out, p.String())
	}
	return out
}

func TestWhatNoCallMissesIsFound(t *testing.T) {
	t.Parallel()
	r := recording()
	require.Len(t, r.Calls, 2, "equal calls are kept once")
	require.Equal(t, 3, r.Calls[0].Times)
	require.Equal(t, []string{
		"bootstrap Key key, statement Users: value StringEquals aws:PrincipalArn arn:aws:iam::111122223333:role/gone",
		"shared RolePolicy reader, statement Read: action s3:GetObjectTagging",
		"shared RolePolicy reader, statement Read: resource arn:aws:s3:::drafts/*",
	}, unnoticed(t, r))
	result, err := Prove(r)
	require.NoError(t, err)
	require.Equal(t, [3]int{2, 3, 13}, [3]int{result.Calls, result.Statements, result.Tried})
}

func TestAConditionIsNoticedByACallThatMustBeRefused(t *testing.T) {
	t.Parallel()
	r := recording()
	// The statement that another one makes superfluous.
	wide := strings.Replace(own, `"Sid":"Key"`, `"Effect":"Allow","Sid":"Wide","Action":"kms:Decrypt","Resource":"arn:aws:kms:us-east-1:111122223333:key/k"},{"Sid":"Key"`, 1)
	ref := IdentityRef(account, "reader-policy")
	r.Policies[ref].Versions = []string{r.document(wide)}
	for i := range r.Calls {
		r.Calls[i].Identity[0].Document = r.document(wide)
	}
	require.Contains(t, unnoticed(t, r), "shared RolePolicy reader, statement Key: condition StringEquals kms:ViaService")
}

func TestAPolicyThatNoCallWasAskedAboutIsNotNoticed(t *testing.T) {
	t.Parallel()
	r := recording()
	r.AddPolicy("queue q", "shared QueuePolicy dead", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sqs.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:111122223333:q"},{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}]}`)
	require.Subset(t, unnoticed(t, r), []string{
		"shared QueuePolicy dead, statement 0: action sqs:SendMessage", "shared QueuePolicy dead, statement 0: principal Service sqs.amazonaws.com",
		"shared QueuePolicy dead, statement 0: resource arn:aws:sqs:us-east-1:111122223333:q",
	})
	require.NotContains(t, strings.Join(unnoticed(t, r), "\n"), "statement 1", "what denies stays")
}

func TestAConditionThatNoRequestCarriesIsFound(t *testing.T) {
	t.Parallel()
	r := NewRecording()
	r.AddPolicy("x", "shared RolePolicy x", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:DescribeKey","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:a":"b"}}}}`)
	result, err := Prove(r)
	require.NoError(t, err)
	require.Equal(t, []Part{{"shared RolePolicy x", "0", "condition", "StringEquals kms:EncryptionContext:a for kms:DescribeKey"}}, result.NeverCarried)
}

func TestARecordingIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.json")
	require.NoError(t, recording().Write(file))
	again, err := Read(file)
	require.NoError(t, err)
	require.Equal(t, unnoticed(t, recording()), unnoticed(t, again))
	_, err = Read(file + "x")
	require.ErrorContains(t, err, "make prove-least-privilege")
}

func TestReasonsSpeakOfPartsAndGoWithThem(t *testing.T) {
	t.Parallel()
	reasons, err := Reasons()
	require.NoError(t, err)
	require.NotEmpty(t, reasons)
	result, err := Prove(recording())
	require.NoError(t, err)
	tagging := Reason{Policy: "* reader", Statement: "Read", Parts: []string{"action s3:*Tagging"}, Reason: "r", Page: "https://example.com"}
	never := Reason{Policy: "*", Statement: "Write", Parts: []string{"*"}, Reason: "r", Page: "https://example.com"}
	listed, unlisted, idle := result.Listed([]Reason{tagging, never})
	require.Len(t, listed, 1)
	require.Len(t, unlisted, 2)
	require.Equal(t, []Reason{never}, idle)

	for _, bad := range []string{`[{"policy":"a","statement":"b","parts":["c"],"reason":"d"}]`, `[{"policy":"a","statement":"b","parts":[],"reason":"d","page":"https://x"}]`, `[{"why":"x"}]`} {
		_, err := parseReasons([]byte(bad))
		require.Error(t, err, bad)
	}
}

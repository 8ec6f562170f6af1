package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// policySchema are the types that carry policies.
const policySchema = `"aws:s3/bucketPolicy:BucketPolicy":{
"inputProperties":{"bucket":{"type":"string"},"policy":{"type":"string"}},"requiredInputs":["bucket","policy"],
"properties":{"bucket":{"type":"string"},"policy":{"type":"string"}},"required":["bucket","policy"]},
"aws:iam/rolePolicy:RolePolicy":{
"inputProperties":{"name":{"type":"string"},"role":{"type":"string"},"policy":{"type":"string"}},"requiredInputs":["role","policy"],
"properties":{"name":{"type":"string"},"role":{"type":"string"},"policy":{"type":"string"}},"required":["role","policy"]},
`

// policies makes messaging a program with a bucket policy and a role policy;
// each text is the inside of its one statement that allows something.
func (s *stage) policies(bucket, role string) {
	s.write("delivery.yaml", "stacks:\n  - {name: messaging, path: infra/messaging}\n")
	s.write("infra/messaging/Pulumi.yaml", fmt.Sprintf(`name: messaging
runtime: yaml
resources:
  readers:
    type: aws:s3:BucketPolicy
    properties:
      bucket: reports
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Resource: "arn:aws:s3:::reports/*", %s}]
  worker:
    type: aws:iam:RolePolicy
    properties:
      name: worker
      role: worker
      policy:
        fn::toJSON:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, %s}]
`, bucket, role))
}

func (s *stage) text(file string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.bundle, file))
	require.NoError(s, err)
	return string(text)
}

func TestBroadenedPermissionsStandFirstInTheReview(t *testing.T) {
	s := newStage(t)
	const (
		toOne     = `Principal: {AWS: "arn:aws:iam::123456789012:role/auditor"}, Action: ["s3:GetObject", "s3:GetObjectTagging"]`
		toOneLess = `Principal: {AWS: "arn:aws:iam::123456789012:role/auditor"}, Action: ["s3:GetObject"]`
		toAll     = `Principal: "*", Action: ["s3:GetObject"]`
		inOffice  = `Action: ["sqs:SendMessage"], Resource: "arn:aws:sqs:us-east-1:123456789012:orders", Condition: {IpAddress: {"aws:SourceIp": "203.0.113.0/24"}}`
		anywhere  = `Action: ["sqs:SendMessage"], Resource: "arn:aws:sqs:us-east-1:123456789012:orders"`
	)
	s.policies(toOne, inOffice)
	require.Equal(t, "PERMISSIONS BROADENED in 2 places; 1 stack: 2 to create", s.delivered().Summary, "what is new is broader than nothing")
	require.Equal(t, "1 stack: no changes", s.delivered().Summary)

	s.policies(toOneLess, inOffice)
	require.Equal(t, "1 stack: 1 to update", s.delivered().Summary, "narrowing passes in silence")
	require.NotContains(t, strings.ToLower(s.text(diffFile)), "broadened")

	s.policies(toAll, anywhere)
	b := s.preview()
	require.Equal(t, "PERMISSIONS BROADENED in 2 places; 1 stack: 2 to update", b.Summary)
	require.Contains(t, s.exported("DELIVERY_SUMMARY"), "PERMISSIONS BROADENED")
	for _, file := range []string{summaryFile, diffFile} {
		first, rest, found := strings.Cut(s.text(file), "Permissions broadened")
		require.True(t, found, file)
		require.NotContains(t, first, "update aws:", "nothing that changes stands before it")
		for _, words := range []string{
			"messaging: aws:s3/bucketPolicy:BucketPolicy readers\n",
			"messaging: aws:iam/rolePolicy:RolePolicy worker\n",
			"everybody may call s3:GetObject", "no longer only if aws:SourceIp",
		} {
			require.Contains(t, rest, words, file)
		}
	}

	// Whoever forges the review can't hide it, nor name something milder.
	honest := s.bundle
	for _, forged := range [][]Broadening{nil, {{URN: b.Stacks[0].Broadened[0].URN, Sentences: []string{"nothing to see here"}}}} {
		s.bundle = t.TempDir()
		require.NoError(t, os.CopyFS(s.bundle, os.DirFS(honest)))
		s.forge(func(b *Bundle) { b.Stacks[0].Broadened = forged })
		require.ErrorContains(t, s.deploy(), "stack messaging: it would allow what no review has shown (")
	}
	s.bundle = honest
	s.forge(func(*Bundle) {})
	require.NoError(t, s.deploy(), s.log.String())
}

func TestAPolicyThatIsSecretOrComputedCountsAsBroadened(t *testing.T) {
	s := newStage(t)
	program := func(policy string) {
		s.write("delivery.yaml", "stacks:\n  - {name: messaging, path: infra/messaging}\n")
		s.write("infra/messaging/Pulumi.yaml", `name: messaging
runtime: yaml
resources:
  topic: {type: "aws:sns:Topic", properties: {name: t}}
  worker: {type: "aws:iam:RolePolicy", properties: {name: worker, role: worker, policy: `+policy+`}}
`)
	}
	program(`{"fn::secret": '{"Version":"2012-10-17","Statement":[]}'}`)
	require.Equal(t, "PERMISSIONS BROADENED in 1 place; 1 stack: 2 to create", s.preview().Summary)
	require.Contains(t, s.text(diffFile), "not known")
	require.NoError(t, s.deploy(), s.log.String())
	require.Equal(t, "1 stack: no changes", s.delivered().Summary, "what stays is not judged, known or not")

	program(`'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sns:Publish","Resource":"${topic.arn}"}]}'`)
	s.preview()
	require.Contains(t, s.text(summaryFile), "Permissions broadened:\n    messaging: aws:iam/rolePolicy:RolePolicy worker\n")
}

package plantest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder is a testing.TB that only notes a failure.
type recorder struct {
	testing.TB
	failed  bool
	message string
}

func (r *recorder) Helper() {}

func (r *recorder) Name() string { return "recorder" }

func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	for _, a := range args {
		if s, ok := a.(string); ok {
			r.message += s
		}
	}
}

func (r *recorder) FailNow() { panic(r) }

// failure runs a check and returns what it complained about, "" for nothing.
func failure(check func(testing.TB)) (message string) {
	r := &recorder{}
	defer func() {
		if p := recover(); p != nil {
			if p != any(r) {
				panic(p)
			}
			message = r.message
		}
	}()
	check(r)
	return ""
}

const topicType, bucketType, roleType = "aws:sns/topic:Topic", "aws:s3/bucketV2:BucketV2", "aws:iam/role:Role"

func TestEachCheckFindsWhatItIsFor(t *testing.T) {
	t.Parallel()
	policy := func(text string) []Resource {
		return []Resource{{Type: "aws:iam/rolePolicy:RolePolicy", Custom: true, Inputs: map[string]any{"policy": text}}}
	}
	one := func(typ string, inputs map[string]any) []Resource {
		return []Resource{{Type: typ, Custom: true, DeleteBeforeReplace: true, Inputs: inputs}}
	}
	cases := map[string]struct {
		rs    []Resource
		check func(testing.TB, []Resource)
		want  string
	}{
		"an unknown type":           {one("aws:ec2/instance:Instance", nil), func(t testing.TB, rs []Resource) { CheckKnown(t, rs) }, "kinds.go"},
		"a deprecated bucket":       {one("aws:s3/bucket:Bucket", nil), func(t testing.TB, rs []Resource) { CheckKnown(t, rs) }, "kinds.go"},
		"a name without the suffix": {one(topicType, map[string]any{"name": "topic"}), func(t testing.TB, rs []Resource) { CheckNames(t, rs, Suffix) }, "must end with -a1b2"},
		"a name used twice": {append(one(topicType, map[string]any{"name": "x-a1b2"}), one(topicType, map[string]any{"name": "x-a1b2"})...),
			func(t testing.TB, rs []Resource) { CheckNames(t, rs, Suffix) }, "is also the name of"},
		"a fixed name that can't be replaced": {[]Resource{{Type: topicType, Custom: true, Inputs: map[string]any{"name": "x-a1b2"}}},
			func(t testing.TB, rs []Resource) { CheckNames(t, rs, Suffix) }, "DeleteBeforeReplace"},
		"a missing tag":        {one(topicType, nil), func(t testing.TB, rs []Resource) { CheckTags(t, rs, map[string]string{"Owner": "me"}) }, "tag Owner"},
		"a plain topic":        {one(topicType, nil), func(t testing.TB, rs []Resource) { CheckEncryption(t, rs) }, "kmsMasterKeyId"},
		"a bucket left behind": {one(bucketType, nil), func(t testing.TB, rs []Resource) { CheckRemovable(t, rs) }, "forceDestroy"},
		"a protected resource": {[]Resource{{Type: topicType, Custom: true, Protect: true}}, func(t testing.TB, rs []Resource) { CheckRemovable(t, rs) }, "protected"},
		"a bare star": {policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`),
			func(t testing.TB, rs []Resource) { CheckPolicies(t, rs) }, "needs a reason"},
		"a wildcard action": {policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::x"}]}`),
			func(t testing.TB, rs []Resource) { CheckPolicies(t, rs) }, "wildcard"},
		"an empty resource": {policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":""}]}`),
			func(t testing.TB, rs []Resource) { CheckPolicies(t, rs) }, "is not an ARN"},
		"a condition that no request meets": {policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::x/*","Condition":{"StringEquals":{"s3:x-amz-acl":"private"}}}]}`),
			func(t testing.TB, rs []Resource) { CheckPolicies(t, rs) }, "never carries"},
		"an action on the wrong resource": {policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::x/*"}]}`),
			func(t testing.TB, rs []Resource) { CheckPolicies(t, rs) }, "none of its resources"},
		"an excused action beside another": {policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","s3:GetObject"],"Resource":"*"}]}`),
			func(t testing.TB, rs []Resource) { CheckPolicies(t, rs) }, "needs a reason"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := failure(func(tb testing.TB) { c.check(tb, c.rs) })
			require.True(t, strings.Contains(got, c.want), "got %q", got)
		})
	}
}

func TestTheDocumentedExceptionsPass(t *testing.T) {
	t.Parallel()
	for _, r := range []Resource{
		{Type: "aws:iam/rolePolicy:RolePolicy", Custom: true, Inputs: map[string]any{"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}]}`}},
		{Type: "aws:kms/key:Key", Custom: true, Inputs: map[string]any{"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:DescribeKey","Resource":"*"}]}`}},
		{Type: roleType, Custom: true, Inputs: map[string]any{"assumeRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`}},
	} {
		CheckPolicies(t, []Resource{r})
	}
}

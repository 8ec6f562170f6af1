package awsname_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/awsname"
)

func TestANameKeepsToItsPatternAsAWhole(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule   awsname.Rule
		good   []string
		reject []string
	}{
		"role":       {awsname.Role, []string{"a", strings.Repeat("a", 64), "a+=,.@-_"}, []string{"", strings.Repeat("a", 65), "a/b", "a b"}},
		"bucket":     {awsname.Bucket, []string{"abc", "a.b-c"}, []string{"ab", "Abc", "-abc", "abc-", strings.Repeat("a", 64)}},
		"queue":      {awsname.Queue, []string{"q", strings.Repeat("q", 75) + ".fifo"}, []string{strings.Repeat("q", 76) + ".fifo", "q.fifo.x", "q.x"}},
		"alias":      {awsname.KeyAlias, []string{"alias/a/b_c-d"}, []string{"alias/", "a", "alias/a b", "alias/a:b", "alias/" + strings.Repeat("a", 251)}},
		"stage":      {awsname.APIStage, []string{"$default", "v1"}, []string{"$other", "a.b"}},
		"account":    {awsname.Account, []string{"111122223333"}, []string{"11112222333", "1111222233334"}},
		"externalID": {awsname.ExternalID, []string{`a\b`, strings.Repeat("x", 1224)}, []string{"a", strings.Repeat("x", 1225), "a b"}},
		"connection": {awsname.Connection, []string{strings.Repeat("ü", 32)}, []string{strings.Repeat("ü", 33)}},
	} {
		for _, s := range tt.good {
			require.True(t, tt.rule.Allows(s), "%s %q", name, s)
		}
		for _, s := range tt.reject {
			require.False(t, tt.rule.Allows(s), "%s %q", name, s)
		}
	}
}

func TestS3ReservesNames(t *testing.T) {
	t.Parallel()
	require.NoError(t, awsname.CheckBucket("state-bucket-dev-a1b2"))
	for _, s := range []string{"a..b", "10.0.0.1", "xn--a", "sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"} {
		require.ErrorContains(t, awsname.CheckBucket(s), "S3", s)
	}
}

func TestAParameterIsANameOrAPath(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "/a/b", strings.Repeat("/a", 15)} {
		require.NoError(t, awsname.CheckParameter(s), s)
	}
	for _, s := range []string{"aws-a", "/AWS/a", "ssm", "a/b", "/a/", "/a//b", strings.Repeat("/a", 16)} {
		require.Error(t, awsname.CheckParameter(s), s)
	}
}

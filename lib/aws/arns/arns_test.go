package arns_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/arns"
)

func TestWhatIsBuiltCanBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]arns.ARN{
		arns.Bucket("b"):                          {"aws", "s3", "", "", "b"},
		arns.Object("b", "k/l"):                   {"aws", "s3", "", "", "b/k/l"},
		arns.Root("111122223333"):                 {"aws", "iam", "", "111122223333", "root"},
		arns.Role("111122223333", "r"):            {"aws", "iam", "", "111122223333", "role/r"},
		arns.Policy("111122223333", "p"):          {"aws", "iam", "", "111122223333", "policy/p"},
		arns.Session("111122223333", "r", "name"): {"aws", "sts", "", "111122223333", "assumed-role/r/name"},
		arns.Regional("lambda", "us-east-1", "111122223333", "function:f:1"): {"aws", "lambda", "us-east-1", "111122223333", "function:f:1"},
	} {
		got, err := arns.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
}

func TestWhatIsNotAnARNIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "b", "arn:aws:s3", "arn:aws:s3:::", "arn::s3:::b", "arn:aws::::b", "urn:aws:s3:::b"} {
		_, err := arns.Parse(text)
		require.ErrorContains(t, err, "is not an ARN", text)
		require.Equal(t, arns.ARN{}, arns.Of(text))
	}
}

func TestAFunctionIsFoundBehindItsIntegration(t *testing.T) {
	t.Parallel()
	f := arns.Regional("lambda", "us-east-1", "111122223333", "function:f")
	require.Equal(t, "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"+f+"/invocations", arns.Invocation("us-east-1", f))
	require.Equal(t, f, arns.Invoked(arns.Invocation("us-east-1", f)))
	require.Equal(t, f, arns.Invoked(f))
	require.Equal(t, "https://example.com/functions/x", arns.Invoked("https://example.com/functions/x"))
}

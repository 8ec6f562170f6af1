package awsapi

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

func TestVersionsOfAParameterAreCountedWhoeverSetsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	arn := "arn:aws:ssm:us-east-1:" + account + ":parameter/approved"
	require.NoError(t, b.cloud.Add(&cloud.Resource{
		Type: typetoken.Parameter, ID: "approved", ARN: arn, Name: "approved", Account: account,
		Inputs: map[string]any{"type": "String"}, Outputs: map[string]any{"value": "none", "version": 3.0},
	}))
	c, ctx := ssm.NewFromConfig(b.config(b.cloud.Operator(account))), t.Context()
	for want := int64(3); want < 6; want++ {
		got, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("approved")})
		require.NoError(t, err)
		require.Equal(t, want, got.Parameter.Version)
		put, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("approved"), Value: aws.String("same"), Overwrite: aws.Bool(true)})
		require.NoError(t, err)
		require.Equal(t, want+1, put.Version)
	}
	require.InDelta(t, 6, b.cloud.ByARN(arn).Value("version"), 0, "the provider reads what the API wrote")
}

package iam_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iam"
)

// TestAMisspeltConditionKeyIsRefusedInEveryService: only five services were
// looked at before the reference was data.
func TestAMisspeltConditionKeyIsRefusedInEveryService(t *testing.T) {
	t.Parallel()
	with := func(action, key string) error {
		return iam.Validate(iam.Identity, policy(`{"Effect":"Allow","Action":"`+action+`","Resource":"*","Condition":{"StringEquals":{"`+key+`":"x"}}}`), iam.Env{})
	}
	for action, key := range map[string]string{"s3:PutObject": "s3:x-amz-acl", "secretsmanager:GetSecretValue": "secretsmanager:VersionStage", "ssm:PutParameter": "ssm:Overwrite",
		"sns:Subscribe": "sns:Protocol", "lambda:InvokeFunctionUrl": "lambda:FunctionUrlAuthType", "sts:AssumeRole": "sts:ExternalId", "s3:GetObject": "aws:PrincipalTag/team"} {
		require.NoError(t, with(action, key), key)
		require.ErrorContains(t, with(action, strings.Replace(key, ":", ":x", 1)), "has the unknown condition key", key)
	}
	require.ErrorContains(t, with("s3:GetObject", "s4:prefix"), "unknown service")
}

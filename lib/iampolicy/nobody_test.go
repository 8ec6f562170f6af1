package iampolicy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/iampolicy"
)

func TestAStatementForNobodyIsRefused(t *testing.T) {
	t.Parallel()
	_, err := iampolicy.New(iampolicy.Allow("s3:GetObject").Named("Read").On("arn:aws:s3:::b/*").
		When(iampolicy.StringEquals("aws:PrincipalArn"))).JSON()
	require.ErrorContains(t, err, "has no value for aws:PrincipalArn of StringEquals: nobody is named")
	_, err = iampolicy.New(iampolicy.Allow("s3:GetObject").Named("Read-qa").On("arn:aws:s3:::b/*")).JSON()
	require.ErrorContains(t, err, `has the id "Read-qa": IAM accepts letters and digits only`)
}

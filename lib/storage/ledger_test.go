package storage_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
	"delivery.internal/lib/storage"
)

const bucketARN = "arn:aws:s3:::ledger-bucket-shared-a1b2"

func ledgerArgs() *storage.LedgerArgs {
	var writers []storage.Writer
	for _, env := range plantest.Settings().Environments.Names() {
		writers = append(writers, storage.Writer{Environment: env, RoleARNs: []string{"arn:aws:iam::111122223333:role/deploy-build-role-" + string(env) + "-a1b2"}})
	}
	return &storage.LedgerArgs{
		Names: naming.New(naming.Shared, plantest.Suffix), KeyARN: plantest.Key(naming.Shared),
		Writers: writers, Operators: []string{plantest.Operator}, Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
	}
}

func ledger(args *storage.LedgerArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := storage.NewLedger(ctx, "ledger", args)
		return err
	}
}

func TestOnlyAnEnvironmentsDeployBuildWritesItsPart(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, ledger(ledgerArgs()), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	writers := map[string]string{}
	var deletes []string
	for _, p := range plantest.Policies(t, rs) {
		for _, s := range p.Document.Statement {
			switch s.Action[0] {
			case "s3:PutObject":
				require.Equal(t, "Deny", s.Effect)
				writers[s.Resource[0]] = s.Condition["StringNotEquals"]["aws:PrincipalArn"][0]
			case "s3:DeleteObject":
				require.Equal(t, "Deny", s.Effect)
				deletes = s.Condition["StringNotEquals"]["aws:PrincipalArn"]
			}
		}
	}
	require.Equal(t, map[string]string{
		bucketARN + "/deployments/dev/*":     "arn:aws:iam::111122223333:role/deploy-build-role-dev-a1b2",
		bucketARN + "/deployments/staging/*": "arn:aws:iam::111122223333:role/deploy-build-role-staging-a1b2",
		bucketARN + "/deployments/prod/*":    "arn:aws:iam::111122223333:role/deploy-build-role-prod-a1b2",
	}, writers)
	require.Equal(t, []string{plantest.Operator}, deletes)
}

func TestALedgerWithoutAWriterIsRefused(t *testing.T) {
	t.Parallel()
	a := ledgerArgs()
	a.Writers[2].RoleARNs = nil
	_, err := plantest.Try("shared", plantest.Suffix, nil, ledger(a), nil)
	require.ErrorContains(t, err, "has no writer for prod")
	a.Writers = nil
	_, err = plantest.Try("shared", plantest.Suffix, nil, ledger(a), nil)
	require.ErrorContains(t, err, "has no writer: set Writers")
	_, err = plantest.Try("shared", plantest.Suffix, nil, ledger(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}

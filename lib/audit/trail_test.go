package audit_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/audit"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

func args() *audit.Args {
	return &audit.Args{
		Names: plantest.Settings().Namer(naming.Shared), Scope: plantest.Settings().Delivery(), KeyARN: plantest.Key(naming.Shared),
		WatchedBuckets: []string{"arn:aws:s3:::state-bucket-dev-a1b2"}, RetentionDays: 365,
		Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
	}
}

func program(args *audit.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := audit.NewTrail(ctx, "audit", args)
		return err
	}
}

func TestOnlyThisTrailWritesTheAuditBucket(t *testing.T) {
	t.Parallel()
	rs := plantest.Run(t, "shared", plantest.Suffix, nil, program(args()), nil)
	plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
	for _, p := range plantest.Policies(t, rs) {
		for _, s := range p.Document.Statement {
			if s.Effect == "Allow" {
				require.Equal(t, []string{"cloudtrail.amazonaws.com"}, []string(s.Principal.Service))
				require.Equal(t, "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit-trail-shared-a1b2", s.Condition["StringEquals"]["aws:SourceArn"][0])
			}
		}
	}
	trail := plantest.One(t, rs, "aws:cloudtrail/trail:Trail", "")
	require.Equal(t, true, trail.Inputs["enableLogFileValidation"])
	require.Equal(t, true, trail.Inputs["isMultiRegionTrail"])
	encryption := plantest.One(t, rs, "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2", "")
	require.Equal(t, false, encryption.Inputs["rules"].([]any)[0].(map[string]any)["bucketKeyEnabled"])
}

func TestATrailThatWatchesNothingIsRefused(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*audit.Args){
		"watches no bucket": func(a *audit.Args) { a.WatchedBuckets = nil },
		"for 0 days":        func(a *audit.Args) { a.RetentionDays = 0 },
		"needs KeyARN":      func(a *audit.Args) { a.KeyARN = "" },
		"KeyARN and Scope":  func(a *audit.Args) { a.Scope = naming.Scope{} },
	} {
		a := args()
		spoil(a)
		_, err := plantest.Try("shared", plantest.Suffix, nil, program(a), nil)
		require.ErrorContains(t, err, want)
	}
	_, err := plantest.Try("shared", plantest.Suffix, nil, program(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}

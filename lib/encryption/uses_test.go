package encryption_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/encryption"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/plantest"
)

// maxKeyPolicy is KMS's limit on the size of a key policy, in bytes.
const maxKeyPolicy = 32768

func policies() map[string]iampolicy.Document {
	s := plantest.Settings()
	all := map[string]iampolicy.Document{"platform": encryption.Platform(s)}
	for _, env := range s.Environments.Names() {
		all[string(env)] = encryption.ForEnvironment(s, env)
	}
	return all
}

func TestKeyPoliciesAreAcceptableAndFit(t *testing.T) {
	t.Parallel()
	for name, doc := range policies() {
		text, err := doc.JSON()
		require.NoError(t, err, name)
		require.Less(t, len(text), maxKeyPolicy, name)
	}
}

// TestTheAccountAdministersButDoesNotUse holds that every use of a key by the
// account's own principals is tied to named roles.
func TestTheAccountAdministersButDoesNotUse(t *testing.T) {
	t.Parallel()
	uses := []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
	for name, doc := range policies() {
		for _, s := range doc.Statement {
			uses := slices.ContainsFunc(s.Action, func(a string) bool { return slices.Contains(uses, a) })
			if uses && len(s.Principal.AWS) > 0 {
				require.NotEmpty(t, s.Condition["StringEquals"]["aws:PrincipalArn"], "%s %s", name, s.Sid)
			}
			if slices.Contains(s.Action, "kms:CreateGrant") {
				require.Equal(t, iampolicy.Strings{"true"}, s.Condition["Bool"]["kms:GrantIsForAWSResource"])
				require.Equal(t, iampolicy.Strings{"ecr.us-east-1.amazonaws.com"}, s.Condition["StringEquals"]["kms:ViaService"])
			}
		}
	}
}

func users(doc iampolicy.Document, action string) []string {
	var all []string
	for _, s := range doc.Statement {
		if slices.Contains(s.Action, action) {
			for _, arn := range s.Condition["StringEquals"]["aws:PrincipalArn"] {
				all = append(all, arn[strings.LastIndex(arn, "/")+1:])
			}
		}
	}
	return all
}

func TestOnlyNamedRolesReadWithEachKey(t *testing.T) {
	t.Parallel()
	all := policies()
	require.ElementsMatch(t, []string{
		"Operator", "receiver-role-shared-a1b2", "image-build-role-shared-a1b2", "preview-build-role-prod-a1b2", "pipeline-role-prod-a1b2",
		"deploy-build-role-prod-a1b2",
	}, users(all["platform"], "kms:Decrypt"))
	require.ElementsMatch(t, []string{"preview-build-role-dev-a1b2", "deploy-build-role-dev-a1b2", "pipeline-role-dev-a1b2"},
		users(all["dev"], "kms:Decrypt"))
}

func TestLogServiceIsTiedToExactLogGroups(t *testing.T) {
	t.Parallel()
	for _, s := range policies()["staging"].Statement {
		if s.Sid == "Logs" {
			require.Equal(t, iampolicy.Strings{
				"arn:aws:logs:us-east-1:111122223333:log-group:preview-logs-staging-a1b2",
				"arn:aws:logs:us-east-1:111122223333:log-group:deploy-logs-staging-a1b2",
			}, s.Condition["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"])
			return
		}
	}
	t.Fatal("no statement for the log service")
}

// TestNoGrantWaitsForAContextThatItsActionNeverHas: KMS's page "Actions,
// resources, and condition keys" lists no encryption context for DescribeKey,
// so that such a grant would never allow anything.
func TestNoGrantWaitsForAContextThatItsActionNeverHas(t *testing.T) {
	t.Parallel()
	for name, doc := range policies() {
		for _, s := range doc.Statement {
			for _, keys := range s.Condition {
				for key := range keys {
					if strings.HasPrefix(key, "kms:EncryptionContext") {
						require.NotContains(t, s.Action, "kms:DescribeKey", "%s %s", name, s.Sid)
					}
				}
			}
		}
	}
}

func TestCloudTrailUsesThePlatformKeyForItsTrailAlone(t *testing.T) {
	t.Parallel()
	var granted []string
	for _, s := range policies()["platform"].Statement {
		if slices.Contains(s.Principal.Service, "cloudtrail.amazonaws.com") {
			require.Equal(t, iampolicy.Strings{"arn:aws:cloudtrail:us-east-1:111122223333:trail/audit-trail-shared-a1b2"}, s.Condition["StringEquals"]["aws:SourceArn"])
			granted = append(granted, s.Action...)
		}
	}
	require.ElementsMatch(t, []string{"kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"}, granted)
}

package rehearsal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/services"
)

// buildsWriteOnlyTheBundle asks the deployed policies about the artifacts of
// the newest run of each environment: a program that runs in a build has the
// build's role.
func (s *stage) buildsWriteOnlyTheBundle(t *testing.T) {
	for _, env := range s.rig.Environments.Names() {
		runs := s.operator.Runs(env)
		newest := runs[len(runs)-1]
		source, bundle := artifactOf(t, newest, contract.SourceAction), artifactOf(t, newest, "Preview")
		scope := naming.Scope{Account: cloud.DeliveryAccount, Region: cloud.Region}
		preview := scope.Role(s.rig.Names(env).Of(naming.PreviewBuild.Role))
		deploy := scope.Role(s.rig.Names(env).Of(naming.DeployBuild.Role))
		for _, write := range []string{"s3:PutObject", "s3:DeleteObject"} {
			require.Error(t, s.asks(t, preview, write, source), "the preview of %s can swap the source", env)
			require.Error(t, s.asks(t, deploy, write, source))
			require.Error(t, s.asks(t, deploy, write, bundle))
		}
		require.NoError(t, s.asks(t, preview, "s3:PutObject", bundle))
		require.Error(t, s.asks(t, preview, "s3:DeleteObject", bundle))
	}
	require.Empty(t, s.denials(), "to ask is not to be refused")
}

func artifactOf(t *testing.T, e services.Execution, action string) services.Artifact {
	t.Helper()
	a := e.Action(action)
	require.NotNil(t, a, "%s of %s did not run: %s", action, e.ID, e.Reason)
	require.Len(t, a.Artifacts, 1)
	return a.Artifacts[0]
}

// asks says whether a role may do something with an artifact.
func (s *stage) asks(t *testing.T, role, action string, of services.Artifact) error {
	t.Helper()
	session, err := s.rig.Cloud.Issue(role, "question", time.Hour)
	require.NoError(t, err)
	return s.rig.Cloud.Allowed(cloud.Call{Session: session, Action: action, Resource: "arn:aws:s3:::" + of.Bucket + "/" + of.Key,
		Context: map[string][]string{"aws:SecureTransport": {"true"}}})
}

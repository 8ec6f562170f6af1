package rehearsal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal"
	"delivery.internal/lib/rehearsal/cloud"
)

// takenNames holds the list of bucket names to what the programs make, and
// lets a stranger own each name of a second installation in turn.
func (s *stage) takenNames(t *testing.T) {
	var made []string
	for _, b := range s.rig.Cloud.Find(cloud.DeliveryAccount, typetoken.Bucket, nil) {
		made = append(made, b.Name)
	}
	require.ElementsMatch(t, naming.Buckets(s.rig.Suffix, s.rig.Environments.Names()...), made, "naming.Buckets lists every bucket and no other")

	const second = "k3m9x2ab"
	root := t.TempDir()
	for _, p := range s.operator.Platform.Projects() {
		require.NoError(t, os.MkdirAll(filepath.Join(root, p.Dir), 0o755))
	}
	require.NoError(t, platform.Configure(root, platform.Values{
		Suffix: second, Repository: rehearsal.RepositoryName, Owners: []string{rehearsal.Owner}, Environments: s.rig.Environments, AdminRole: cloud.AdminRole,
	}))
	p, err := platform.New(platform.Config{Root: root, Suffix: second, Environment: platform.RehearsalEnvironment(s.operator.Env), Out: s.log, Pulumi: filepath.Join(s.rig.Tools(), "pulumi")})
	require.NoError(t, err)
	for _, name := range naming.Buckets(second, s.rig.Environments.Names()...) {
		require.NoError(t, s.rig.Cloud.OpenBucket(name))
		require.ErrorContains(t, p.Bootstrap(s.limit(t)), "not yours: "+name+";")
		require.NoDirExists(t, p.LocalDir, "nothing is begun")
		s.rig.Cloud.LeaveBucket(name)
	}
	require.Empty(t, s.denials())
}

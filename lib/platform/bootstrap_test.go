package platform_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/platform"
)

// requireMoved holds that bootstrap is deployed, once, in the bucket, with its
// secrets under the platform key, and that no local copy is left.
func (i *installation) requireMoved(t *testing.T) {
	t.Helper()
	s, err := load(filepath.Join(i.cli.bucket, "bootstrap_a1b2.json"))
	require.NoError(t, err)
	require.Len(t, s.Resources, 2)
	require.Equal(t, "cloud", s.Secrets)
	require.NoDirExists(t, i.localFolder())
}

func TestBootstrapMovesItsStateIntoItsOwnBucket(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	i.requireMoved(t)
}

func TestBootstrapAgainOnlyUpdates(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	i.cli.calls = nil
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	i.requireMoved(t)
	var changing []string
	for _, c := range i.cli.calls {
		if c != "stack export --stack organization/bootstrap/a1b2 --non-interactive" {
			changing = append(changing, c)
		}
	}
	require.Equal(t, []string{"up --yes --skip-preview --stack organization/bootstrap/a1b2 --non-interactive"}, changing)
}

// cutAt ends a run before or after its n-th call of the CLI.
func cutAt(n int, after bool) func(int, bool) error {
	return func(call int, isAfter bool) error {
		if call == n && after == isAfter {
			return errCut
		}
		return nil
	}
}

// TestBootstrapInterruptedAnywhereIsFinishedByTheNextRun cuts a run before and
// after each call, until a run is not cut any more because it has fewer calls.
func TestBootstrapInterruptedAnywhereIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	cuts := 0
	for n, more := 1, true; more; n++ {
		more = false
		for _, after := range []bool{false, true} {
			i := newInstallation(t)
			i.cli.cut = cutAt(n, after)
			err := i.open(t).Bootstrap(t.Context())
			if errors.Is(err, errCut) {
				more = true
				cuts++
				i.cli.cut, i.cli.calls = nil, nil
				require.NoError(t, i.open(t).Bootstrap(t.Context()), "cut at call %d, after: %v", n, after)
			} else {
				require.NoError(t, err)
			}
			i.requireMoved(t)
		}
	}
	require.Greater(t, cuts, 10)
}

func TestDestroyAllInterruptedAnywhereIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	for n, more := 1, true; more; n++ {
		more = false
		for _, after := range []bool{false, true} {
			i := newInstallation(t)
			require.NoError(t, i.open(t).Bootstrap(t.Context()))
			for _, project := range []string{"targets", "shared", "environments"} {
				require.NoError(t, i.open(t).Up(t.Context(), project))
			}
			i.cli.cut, i.cli.calls = cutAt(n, after), nil
			err := i.open(t).DestroyAll(t.Context(), false)
			if errors.Is(err, errCut) {
				more = true
				i.cli.cut, i.cli.calls = nil, nil
				require.NoError(t, i.open(t).DestroyAll(t.Context(), false), "cut at call %d, after: %v", n, after)
			} else {
				require.NoError(t, err)
			}
			require.NoDirExists(t, i.cli.bucket)
			require.NoDirExists(t, i.localFolder())
		}
	}
}

func TestBootstrapAfterAnInterruptedDestroyAllWins(t *testing.T) {
	t.Parallel()
	for n := 1; n < 40; n++ {
		i := newInstallation(t)
		require.NoError(t, i.open(t).Bootstrap(t.Context()))
		i.cli.cut, i.cli.calls = cutAt(n, true), nil
		err := i.open(t).DestroyAll(t.Context(), false)
		i.cli.cut, i.cli.calls = nil, nil
		require.NoError(t, i.open(t).Bootstrap(t.Context()), "cut after call %d", n)
		i.requireMoved(t)
		if err == nil {
			return
		}
	}
	t.Fatal("destroy-all never ended")
}

func TestBootstrapDoesNotTakeDeniedAccessForAMissingBucket(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	i.storage.denied = errors.New("bucket x exists but access is denied")
	require.ErrorContains(t, i.open(t).Bootstrap(t.Context()), "access is denied")
	require.Empty(t, i.cli.calls)
}

func TestBootstrapRefusesABucketWithoutState(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, os.MkdirAll(i.cli.bucket, 0o700))
	require.ErrorContains(t, i.open(t).Bootstrap(t.Context()), "or the state is lost")
}

func TestBootstrapRefusesTwoStatesThatDiffer(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, i.open(t).Bootstrap(t.Context()))
	require.NoError(t, os.MkdirAll(i.localFolder(), 0o700))
	require.NoError(t, save(filepath.Join(i.localFolder(), "bootstrap_a1b2.json"), fakeStack{Resources: map[string]string{"urn:other": "x"}}))
	require.ErrorContains(t, i.open(t).Bootstrap(t.Context()), "two states that differ")
}

func TestBootstrapRefusesToGoOnAfterAKilledOperation(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, os.MkdirAll(i.localFolder(), 0o700))
	require.NoError(t, save(filepath.Join(i.localFolder(), "bootstrap_a1b2.json"), fakeStack{Resources: map[string]string{"urn:a": "x"}, Pending: []string{"urn:b"}}))
	require.ErrorContains(t, i.open(t).Bootstrap(t.Context()), "make refresh PROJECT=bootstrap")
}

func TestBootstrapRefusesWithoutConfiguration(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	require.NoError(t, os.Remove(filepath.Join(i.root, "bootstrap", "Pulumi.a1b2.yaml")))
	require.ErrorContains(t, i.open(t).Bootstrap(t.Context()), "make configure")
}

func TestDeadLocksOfTheLocalFolderAreRemoved(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	host, err := os.Hostname()
	require.NoError(t, err)
	locks := filepath.Join(i.localFolder(), ".pulumi", "locks", "organization", "bootstrap", "a1b2")
	require.NoError(t, os.MkdirAll(locks, 0o700))
	dead, foreign := filepath.Join(locks, "dead.json"), filepath.Join(locks, "foreign.json")
	// Process ids are below 2^22 on Linux: this one can't run.
	require.NoError(t, os.WriteFile(dead, []byte(`{"pid":99999999,"hostname":"`+host+`"}`), 0o600))
	require.NoError(t, os.WriteFile(foreign, []byte(`{"pid":99999999,"hostname":"another"}`), 0o600))
	i.cli.cut = func(int, bool) error {
		require.NoFileExists(t, dead)
		require.FileExists(t, foreign)
		return errCut
	}
	require.ErrorIs(t, i.open(t).Bootstrap(t.Context()), errCut)
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	_, err := platform.New(platform.Config{Root: ".", Suffix: "A-B", Environment: platform.OwnEnvironment()})
	require.ErrorContains(t, err, "not usable")
	_, err = platform.New(platform.Config{Suffix: "a1b2"})
	require.ErrorContains(t, err, "Root is empty")
	_, err = platform.New(platform.Config{Root: ".", Suffix: "a1b2"})
	require.ErrorContains(t, err, "Environment is empty")
}

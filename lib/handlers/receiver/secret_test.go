package receiver_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/handlers/receiver"
)

// secretStore holds versions by their staging labels.
type secretStore struct {
	versions map[string]string
	rotated  time.Time
	err      error
	reads    int
}

func (s *secretStore) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.reads++
	if s.err != nil {
		return nil, s.err
	}
	v, ok := s.versions[*in.VersionStage]
	if !ok {
		return nil, &smtypes.ResourceNotFoundException{}
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(v), CreatedDate: aws.Time(s.rotated)}, nil
}

// rotate puts a new version, as PutSecretValue does.
func (s *secretStore) rotate(value string, at time.Time) {
	s.versions = map[string]string{"AWSPREVIOUS": s.versions["AWSCURRENT"], "AWSCURRENT": value}
	s.rotated = at
}

// vault is a cache with a clock.
type vault struct {
	*receiver.SecretCache
	*secretStore
	clock time.Time
}

func newVault() *vault {
	v := &vault{secretStore: &secretStore{versions: map[string]string{"AWSCURRENT": "one"}, rotated: now.AddDate(0, -1, 0)}, clock: now}
	v.SecretCache = &receiver.SecretCache{API: v.secretStore, ID: "id", Now: func() time.Time { return v.clock }}
	return v
}

func (v *vault) current(t *testing.T) (out []string) {
	t.Helper()
	got, err := v.Current(t.Context())
	require.NoError(t, err)
	for _, s := range got {
		out = append(out, string(s))
	}
	return out
}

func TestTheSecretIsKeptForFiveMinutes(t *testing.T) {
	t.Parallel()
	v := newVault()
	for range 3 {
		require.Equal(t, []string{"one"}, v.current(t))
	}
	require.Equal(t, 1, v.reads)
	v.clock = now.Add(5*time.Minute - time.Second)
	v.current(t)
	require.Equal(t, 1, v.reads)
	v.clock = now.Add(5 * time.Minute)
	v.current(t)
	require.Equal(t, 2, v.reads)

	v.err = errors.New("denied")
	v.clock = now.Add(10 * time.Minute)
	_, err := v.Current(t.Context())
	require.ErrorContains(t, err, "denied", "what is too old is not used")
}

func TestBothSecretsAreGoodForAnHourAfterARotation(t *testing.T) {
	t.Parallel()
	v := newVault()
	require.Equal(t, []string{"one"}, v.current(t))
	v.rotate("two", now)
	v.clock = now.Add(5 * time.Minute)
	require.Equal(t, []string{"two", "one"}, v.current(t))
	v.clock = now.Add(time.Hour - time.Second)
	require.Equal(t, []string{"two", "one"}, v.current(t))
	reads := v.reads
	v.clock = now.Add(time.Hour)
	require.Equal(t, []string{"two"}, v.current(t), "although the cache holds both")
	require.Equal(t, reads, v.reads)
	v.clock = now.Add(2 * time.Hour)
	require.Equal(t, []string{"two"}, v.current(t))
	require.Equal(t, reads+1, v.reads, "nobody asks for the previous one any more")

	v.rotate("three", v.clock)
	v.rotate("four", v.clock)
	v.clock = v.clock.Add(5 * time.Minute)
	require.Equal(t, []string{"four", "three"}, v.current(t), "two rotations end a leaked secret at once")
}

func TestAMismatchReadsTheSecretAtMostEveryTenSeconds(t *testing.T) {
	t.Parallel()
	v := newVault()
	v.current(t)
	v.rotate("two", now)
	_, read, err := v.Refresh(t.Context())
	require.NoError(t, err)
	require.False(t, read, "a forged delivery right after a read costs nothing")
	v.clock = now.Add(10 * time.Second)
	got, read, err := v.Refresh(t.Context())
	require.NoError(t, err)
	require.True(t, read)
	require.Equal(t, "two", string(got[0]))
	_, read, err = v.Refresh(t.Context())
	require.NoError(t, err)
	require.False(t, read)
	v.err, v.clock = errors.New("denied"), now.Add(20*time.Second)
	_, _, err = v.Refresh(t.Context())
	require.ErrorContains(t, err, "denied")
	_, read, err = v.Refresh(t.Context())
	require.NoError(t, err)
	require.False(t, read, "a failure counts as a read")
}

func TestAnEmptyOrUnreadableSecretIsAnErrorAndIsNotKept(t *testing.T) {
	t.Parallel()
	v := newVault()
	v.err = errors.New("denied")
	_, err := v.Current(t.Context())
	require.ErrorContains(t, err, "denied")
	v.err, v.versions = nil, map[string]string{"AWSCURRENT": ""}
	_, err = v.Current(t.Context())
	require.ErrorContains(t, err, "is empty")
	v.versions, v.rotated = map[string]string{"AWSCURRENT": "now"}, now
	require.Equal(t, []string{"now"}, v.current(t), "the first version has none before it")
}

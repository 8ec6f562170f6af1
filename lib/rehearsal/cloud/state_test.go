package cloud

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

// again removes a resource and makes it once more, of the same name.
func again(t *testing.T, c *Cloud, r *Resource) *Resource {
	t.Helper()
	require.True(t, c.Remove(r.Account, r.Type, r.ID))
	made := &Resource{Type: r.Type, ID: r.ID, Name: r.Name, Account: r.Account, ARN: r.ARN, Inputs: r.Inputs}
	require.NoError(t, c.Add(made))
	return made
}

func TestABucketThatIsMadeAgainIsEmpty(t *testing.T) {
	t.Parallel()
	c := New()
	b := &Resource{Type: typetoken.Bucket, ID: "b", Name: "b", Account: DevAccount}
	require.NoError(t, c.Add(b))
	require.ErrorContains(t, c.Add(&Resource{Type: typetoken.Bucket, ID: "b", Name: "b", Account: ProdAccount}), "bucket b", "names are unique among all accounts")
	require.NoError(t, c.Objects.Put("b", "k", []byte("x")))
	again(t, c, b)
	empty, err := c.Objects.Empty("b")
	require.NoError(t, err)
	require.True(t, empty)
	require.True(t, c.Remove(DevAccount, typetoken.Bucket, "b"))
	require.Error(t, c.Objects.Put("b", "k", nil), "nothing is kept in a bucket that is not there")
}

func TestARepositoryThatIsMadeAgainIsEmpty(t *testing.T) {
	t.Parallel()
	c := New()
	r := &Resource{Type: typetoken.Repository, ID: "images", Name: "images", Account: DevAccount}
	require.NoError(t, c.Add(r))
	push := func() *Resource { return c.PutImage(DevAccount, "images", PushedImage{Digest: "sha256:1", Tag: "one"}) }
	c.SetScan(push(), Scan{ScanResult: ScanResult{Findings: []Finding{{ID: "CVE-1", Severity: "HIGH"}}}})
	require.Equal(t, map[string]int{"HIGH": 1}, c.ScanOf(c.FindImage(DevAccount, "images", "one")).SeverityCounts())
	again(t, c, r)
	require.Empty(t, c.Images(DevAccount, "images"))
	require.Nil(t, c.ScanOf(push()), "the same image was not scanned here")
}

func TestCodeGoesWithItsFunction(t *testing.T) {
	t.Parallel()
	c := New()
	f := role(DevAccount, "f")
	require.NoError(t, c.Add(f))
	c.SetBlob(f.ARN, []byte("code"))
	again(t, c, f)
	require.Nil(t, c.Blob(f.ARN))
}

// running is data that must be ended.
type running struct{ ended int }

func (r *running) End() { r.ended++ }

func TestDataEndsWithItsResource(t *testing.T) {
	t.Parallel()
	c := New()
	r := role(DevAccount, "r")
	require.NoError(t, c.Add(r))
	data := func(r *Resource) *running { return DataOf(c, r, func() *running { return &running{} }) }
	first := data(r)
	require.Same(t, first, data(r))
	made := again(t, c, r)
	require.Equal(t, 1, first.ended)
	require.NotSame(t, first, data(made))
}

func TestADeletedKeyIsPendingDeletion(t *testing.T) {
	t.Parallel()
	c := New()
	k := &Resource{Type: typetoken.Key, ID: "k", ARN: "arn:aws:kms:us-east-1:" + DevAccount + ":key/k", Account: DevAccount}
	require.NoError(t, c.Add(k))
	require.False(t, c.PendingDeletion(k.ARN))
	require.True(t, c.Remove(DevAccount, typetoken.Key, "k"))
	require.True(t, c.PendingDeletion(k.ARN))
}

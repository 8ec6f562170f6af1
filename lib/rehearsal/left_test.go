package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/services"
)

func TestWhatIsLeftIsCounted(t *testing.T) {
	t.Parallel()
	c := cloud.New()
	r := &Rig{Cloud: c, Services: services.New(c, services.Options{WorkDir: t.TempDir()})}
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	left, err := r.Left()
	require.NoError(t, err)
	require.Empty(t, left.All(), "what an account has from the start is not left over")
	require.NoError(t, c.Add(&cloud.Resource{Type: typetoken.Bucket, ID: "b", Account: cloud.DevAccount}))
	require.NoError(t, c.Objects.Put("b", "k", []byte("x")))
	c.AddImage(cloud.DeliveryAccount, "image", "sha256:1", "one")
	left, err = r.Left()
	require.NoError(t, err)
	require.Equal(t, "1 resources, 1 objects, 1 images and 0 running builds", left.String())
	require.Equal(t, []string{typetoken.Bucket + " b in account " + cloud.DevAccount, "s3://b/k", "image image@sha256:1"}, left.All())
}

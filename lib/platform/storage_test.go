package platform_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"delivery/lib/platform"
)

func storageAt(url string) *platform.S3 {
	return &platform.S3{Env: []string{"AWS_ENDPOINT_URL_S3=" + url, "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret"}}
}

func TestStorageTellsMissingFromPresent(t *testing.T) {
	t.Parallel()
	store := s3mem.New()
	server := httptest.NewServer(gofakes3.New(store).Server())
	defer server.Close()
	s := storageAt(server.URL)
	exists, err := s.Exists(t.Context(), "a-bucket")
	require.NoError(t, err)
	require.False(t, exists)
	require.NoError(t, store.CreateBucket("a-bucket"))
	exists, err = s.Exists(t.Context(), "a-bucket")
	require.NoError(t, err)
	require.True(t, exists)
	keys, err := s.Keys(t.Context(), "a-bucket", ".pulumi/")
	require.NoError(t, err)
	require.Empty(t, keys)
}

func TestStorageTakesOnlyNotFoundForMissing(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusForbidden:        "access is denied",
		http.StatusMovedPermanently: "another region",
		http.StatusBadRequest:       "can't be looked at",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		_, err := storageAt(server.URL).Exists(t.Context(), "a-bucket")
		server.Close()
		require.ErrorContains(t, err, want)
	}
}

func TestStorageOfAnExplicitEnvironmentKnowsNoOther(t *testing.T) { // not parallel: it sets variables
	store := s3mem.New()
	server := httptest.NewServer(gofakes3.New(store).Server())
	defer server.Close()
	t.Setenv("AWS_PROFILE", "of-somebody")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	_, err := storageAt(server.URL).Exists(t.Context(), "a-bucket")
	require.NoError(t, err)
}

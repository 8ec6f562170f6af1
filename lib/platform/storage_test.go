package platform_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
)

// localCloud is a cloud behind its API, and the environment of its operator.
type localCloud struct {
	*cloud.Cloud
	url string
	env []string
}

func newLocalCloud(t *testing.T) *localCloud {
	t.Helper()
	c := cloud.New()
	server := httptest.NewServer(awsapi.New(c, nil))
	t.Cleanup(server.Close)
	return &localCloud{c, server.URL, append(c.Operator(cloud.DeliveryAccount).Env(), "AWS_ENDPOINT_URL="+server.URL)}
}

// makeBucket makes a bucket of an account with some objects.
func (c *localCloud) makeBucket(t *testing.T, account, name string, keys ...string) {
	t.Helper()
	require.NoError(t, c.Add(&cloud.Resource{Type: typetoken.Bucket, ID: name, Name: name, Account: account, ARN: "arn:aws:s3:::" + name}))
	for _, key := range keys {
		require.NoError(t, c.Objects.Put(name, key, []byte("{}")))
	}
}

func (c *localCloud) storage() platform.Storage {
	return platform.NewClients(platform.RehearsalEnvironment(c.env)).Storage()
}

func TestStorageTellsMissingFromPresent(t *testing.T) {
	t.Parallel()
	c := newLocalCloud(t)
	exists, err := c.storage().Exists(t.Context(), "a-bucket")
	require.NoError(t, err)
	require.False(t, exists)
	c.makeBucket(t, cloud.DeliveryAccount, "a-bucket", ".pulumi/a", "b")
	exists, err = c.storage().Exists(t.Context(), "a-bucket")
	require.NoError(t, err)
	require.True(t, exists)
	keys, err := c.storage().Keys(t.Context(), "a-bucket", ".pulumi/")
	require.NoError(t, err)
	require.Equal(t, []string{".pulumi/a"}, keys)
}

func TestStorageNeverTakesABucketOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(*cloud.Cloud, string) error{"closed": (*cloud.Cloud).TakeBucket, "open": (*cloud.Cloud).OpenBucket} {
		c := newLocalCloud(t)
		require.NoError(t, take(c.Cloud, "a-bucket"), name)
		_, err := c.storage().Exists(t.Context(), "a-bucket")
		var foreign *platform.ForeignBucketError
		require.ErrorAs(t, err, &foreign, name)
		require.ErrorContains(t, err, "another account than "+cloud.DeliveryAccount)
		_, err = c.storage().Keys(t.Context(), "a-bucket", "")
		require.ErrorContains(t, err, "AccessDenied", name)
	}
}

func TestStorageTakesOnlyNotFoundForMissing(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusForbidden:        "access is denied",
		http.StatusMovedPermanently: "another region",
		http.StatusBadRequest:       "can't be looked at",
	} {
		c := newLocalCloud(t)
		c.Inject(cloud.Fault{Service: "s3", Operation: "HeadBucket", Status: status, Times: -1})
		_, err := c.storage().Exists(t.Context(), "a-bucket")
		require.ErrorContains(t, err, want)
	}
}

func TestARehearsalKnowsNoEnvironmentButItsOwn(t *testing.T) { // not parallel: it sets variables
	c := newLocalCloud(t)
	t.Setenv("AWS_PROFILE", "of-somebody")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	_, err := c.storage().Exists(t.Context(), "a-bucket")
	require.NoError(t, err)
}

// TestEachNameOfAStrangerStopsBootstrapBeforeAnythingIsMade goes through the
// names of all buckets, most of which later projects make.
func TestEachNameOfAStrangerStopsBootstrapBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	names := naming.Buckets("a1b2", promotion.Default().Names()...)
	require.Len(t, names, 10)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newLocalCloud(t)
			require.NoError(t, c.OpenBucket(name))
			i := newInstallation(t)
			err := i.openIn(t, c).Bootstrap(t.Context())
			require.ErrorContains(t, err, "not yours: "+name+"; choose another suffix with: make configure SUFFIX=")
			require.Empty(t, i.cli.calls)

			c.LeaveBucket(name)
			require.ErrorIs(t, i.openIn(t, c).Bootstrap(t.Context()), errCut, "a free name stops nothing")
		})
	}
}

func TestAllNamesOfStrangersAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	c := newLocalCloud(t)
	for _, name := range naming.Buckets("a1b2", promotion.Default().Names()...) {
		require.NoError(t, c.TakeBucket(name))
	}
	err := newInstallation(t).openIn(t, c).Bootstrap(t.Context())
	require.ErrorContains(t, err, strings.Join(naming.Buckets("a1b2", promotion.Default().Names()...), ", "))
	require.Equal(t, 1, strings.Count(err.Error(), "\n")+1, "one sentence")
}

func TestAnInstallationThatExistsLooksAtNoOtherNames(t *testing.T) {
	t.Parallel()
	c := newLocalCloud(t)
	c.makeBucket(t, cloud.DeliveryAccount, "state-bucket-shared-a1b2")
	require.NoError(t, c.TakeBucket("audit-bucket-shared-a1b2"))
	i := newInstallation(t)
	require.ErrorIs(t, i.openIn(t, c).Bootstrap(t.Context()), errCut)
	require.NotEmpty(t, i.cli.calls)
}

func TestASuffixOfTheDocumentsMakesNoRealInstallation(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	i.config.Environment = platform.OwnEnvironment()
	err := i.open(t).Bootstrap(t.Context())
	require.ErrorContains(t, err, "documents")
	require.ErrorContains(t, err, "make configure SUFFIX=")
	require.Empty(t, i.cli.calls)
}

// openIn opens the installation with the buckets of a local cloud, and ends
// every run at its first call of the CLI.
func (i *installation) openIn(t *testing.T, c *localCloud) *platform.Platform {
	t.Helper()
	i.cli.cut = func(int, bool) error { return errCut }
	config := i.config
	config.Environment, config.Runner = platform.RehearsalEnvironment(c.env), i.cli
	p, err := platform.New(config)
	require.NoError(t, err)
	return p
}

func TestMissingCredentialsAreCalledSo(t *testing.T) {
	t.Parallel()
	c := newLocalCloud(t)
	expired := *c.Operator(cloud.DeliveryAccount)
	expired.Token = "of yesterday"
	for want, env := range map[string][]string{
		"there are no AWS credentials":                      {"AWS_ENDPOINT_URL=" + c.url},
		"AWS refuses the credentials (InvalidClientTokenId": append(expired.Env(), "AWS_ENDPOINT_URL="+c.url),
		"AWS can't be asked whose credentials these are":    append(c.Operator(cloud.DeliveryAccount).Env(), "AWS_ENDPOINT_URL=http://127.0.0.1:1"),
	} {
		clients := platform.NewClients(platform.RehearsalEnvironment(env))
		_, exists := clients.Storage().Exists(t.Context(), "a-bucket")
		_, keys := clients.Storage().Keys(t.Context(), "a-bucket", "")
		_, builds := clients.CodeBuild(t.Context())
		for call, err := range map[string]error{"Exists": exists, "Keys": keys, "CodeBuild": builds} {
			require.ErrorContains(t, err, want, call)
			for _, other := range []string{"another account", "make up", "suffix", "bucket"} {
				require.NotContains(t, err.Error(), other, call)
			}
		}
	}
}

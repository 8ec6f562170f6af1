package deploy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

const (
	stateBucket  = "state-bucket-dev-a1b2"
	ledgerBucket = "ledger-bucket-shared-a1b2"
	testKey      = "arn:aws:kms:us-east-1:111122223333:key/0f1e2d3c-0000-4000-8000-000000000001"
)

// fakeCloud is one endpoint for what the deployer and the CLI call: S3, KMS
// and EventBridge, with faults to be injected.
type fakeCloud struct {
	url     string
	objects gofakes3.Backend

	mu     sync.Mutex
	fault  func(r *http.Request) int // status to answer instead, or 0
	events []string                  // entries of PutEvents
}

func newCloud(t *testing.T) *fakeCloud {
	t.Helper()
	c := &fakeCloud{objects: s3mem.New()}
	for _, bucket := range []string{stateBucket, ledgerBucket} {
		require.NoError(t, c.objects.CreateBucket(bucket))
	}
	s3 := gofakes3.New(c.objects).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		fault := c.fault
		c.mu.Unlock()
		if fault != nil {
			if status := fault(r); status != 0 {
				refuse(w, status)
				return
			}
		}
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasPrefix(target, "TrentService."):
			c.kms(w, r, strings.TrimPrefix(target, "TrentService."))
		case target == "AWSEvents.PutEvents":
			c.putEvents(w, r)
		default:
			s3.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func refuse(w http.ResponseWriter, status int) {
	code := map[int]string{403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}[status]
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>injected</Message></Error>`, code)
}

// failing lets the next n requests that match fail with a status.
func (c *fakeCloud) failing(n, status int, match func(r *http.Request) bool) (left func() int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var mu sync.Mutex
	c.fault = func(r *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		if n == 0 || !match(r) {
			return 0
		}
		n--
		return status
	}
	return func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// sealed is a ciphertext of the fake KMS: what was sealed, and its context.
type sealed struct {
	Key, Plaintext string
	Context        map[string]string
}

func (c *fakeCloud) kms(w http.ResponseWriter, r *http.Request, action string) {
	var in struct {
		KeyId, Plaintext, CiphertextBlob string //nolint:revive // the API's name
		EncryptionContext                map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := map[string]string{"KeyId": testKey, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
	switch action {
	case "Encrypt":
		b, _ := json.Marshal(sealed{in.KeyId, in.Plaintext, in.EncryptionContext}) // plain data
		out["CiphertextBlob"] = base64.StdEncoding.EncodeToString(b)
	case "Decrypt":
		var s sealed
		b, _ := base64.StdEncoding.DecodeString(in.CiphertextBlob) // refused below if it is none
		if json.Unmarshal(b, &s) != nil || !reflect.DeepEqual(s.Context, in.EncryptionContext) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"InvalidCiphertextException"}`)
			return
		}
		out["Plaintext"] = s.Plaintext
	default:
		http.Error(w, "unknown action "+action, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out) // the client would notice
}

func (c *fakeCloud) putEvents(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.events = append(c.events, string(body))
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	fmt.Fprint(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
}

// published returns the bodies of all PutEvents calls.
func (c *fakeCloud) published() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.events...)
}

// put stores an object.
func (c *fakeCloud) put(t *testing.T, bucket, key, body string) {
	t.Helper()
	// The fake would keep the former object's metadata, its checksum included.
	_, err := c.objects.DeleteObject(bucket, key)
	require.NoError(t, err)
	_, err = c.objects.PutObject(bucket, key, map[string]string{}, strings.NewReader(body), int64(len(body)), nil)
	require.NoError(t, err)
}

// get reads an object; false if there is none.
func (c *fakeCloud) get(t *testing.T, bucket, key string) (string, bool) {
	t.Helper()
	o, err := c.objects.GetObject(bucket, key, nil)
	if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
		return "", false
	}
	require.NoError(t, err)
	defer o.Contents.Close()
	b, err := io.ReadAll(o.Contents)
	require.NoError(t, err)
	return string(b), true
}

// keys lists the objects of the state bucket below a prefix.
func (c *fakeCloud) keys(t *testing.T, prefix string) []string {
	t.Helper()
	list, err := c.objects.ListBucket(stateBucket, &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
	require.NoError(t, err)
	var keys []string
	for _, o := range list.Contents {
		if strings.HasPrefix(o.Key, prefix) {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// deployed lists the states that the platform's destroy-all would count.
func (c *fakeCloud) deployed(t *testing.T) []string {
	t.Helper()
	var states []string
	for _, key := range c.keys(t, ".pulumi/stacks/") {
		if strings.HasSuffix(key, ".json") {
			states = append(states, key)
		}
	}
	return states
}

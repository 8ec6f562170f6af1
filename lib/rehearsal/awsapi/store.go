package awsapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// store is the object store behind S3.
type store struct{ backend *s3mem.Backend }

func newStore() (*store, http.Handler) {
	b := s3mem.New()
	return &store{b}, gofakes3.New(b, gofakes3.WithTimeSkewLimit(0)).Server()
}

// CreateBucket implements cloud.ObjectStore.
func (s *store) CreateBucket(name string) error { return s.backend.CreateBucket(name) }

// DeleteBucket implements cloud.ObjectStore.
func (s *store) DeleteBucket(name string, force bool) error {
	if force {
		return s.backend.ForceDeleteBucket(name)
	}
	return s.backend.DeleteBucket(name)
}

// Empty implements cloud.ObjectStore.
func (s *store) Empty(name string) (bool, error) {
	keys, err := s.List(name, "")
	return len(keys) == 0, err
}

// Put implements cloud.ObjectStore.
func (s *store) Put(bucket, key string, body []byte) error {
	_, err := s.backend.PutObject(bucket, key, map[string]string{}, bytes.NewReader(body), int64(len(body)), nil)
	return err
}

// Get implements cloud.ObjectStore.
func (s *store) Get(bucket, key string) ([]byte, error) {
	o, err := s.backend.GetObject(bucket, key, nil)
	if err != nil {
		return nil, fmt.Errorf("s3://%s/%s: %w", bucket, key, err)
	}
	defer o.Contents.Close()
	return io.ReadAll(o.Contents)
}

// Delete implements cloud.ObjectStore.
func (s *store) Delete(bucket, key string) error {
	_, err := s.backend.DeleteObject(bucket, key)
	return err
}

// List implements cloud.ObjectStore.
func (s *store) List(bucket, prefix string) ([]string, error) {
	var keys []string
	page := gofakes3.ListBucketPage{MaxKeys: 1000}
	for {
		l, err := s.backend.ListBucket(bucket, &gofakes3.Prefix{Prefix: prefix, HasPrefix: prefix != ""}, page)
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", bucket, err)
		}
		for _, o := range l.Contents {
			keys = append(keys, o.Key)
		}
		if !l.IsTruncated {
			return keys, nil
		}
		page.Marker, page.HasMarker = l.NextMarker, true
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

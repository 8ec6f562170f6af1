package cloud

import (
	"bytes"
	"fmt"
	"io"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Objects are what the buckets of all accounts hold. A bucket is made and
// removed with its resource.
type Objects struct{ backend *s3mem.Backend }

func newObjects() *Objects { return &Objects{s3mem.New()} }

// Backend is the store as the S3 protocol is served from it.
func (o *Objects) Backend() gofakes3.Backend { return o.backend }

// Has says whether a bucket holds an object.
func (o *Objects) Has(bucket, key string) bool {
	_, err := o.backend.HeadObject(bucket, key)
	return err == nil
}

// Empty says whether a bucket holds nothing.
func (o *Objects) Empty(bucket string) (bool, error) {
	keys, err := o.List(bucket, "")
	return len(keys) == 0, err
}

// Put writes an object.
func (o *Objects) Put(bucket, key string, body []byte) error {
	_, err := o.backend.PutObject(bucket, key, map[string]string{}, bytes.NewReader(body), int64(len(body)), nil)
	return err
}

// Get reads an object.
func (o *Objects) Get(bucket, key string) ([]byte, error) {
	object, err := o.backend.GetObject(bucket, key, nil)
	if err != nil {
		return nil, fmt.Errorf("s3://%s/%s: %w", bucket, key, err)
	}
	defer object.Contents.Close()
	return io.ReadAll(object.Contents)
}

// Delete removes an object.
func (o *Objects) Delete(bucket, key string) error {
	_, err := o.backend.DeleteObject(bucket, key)
	return err
}

// List returns the keys of a bucket that begin with a prefix.
func (o *Objects) List(bucket, prefix string) ([]string, error) {
	var keys []string
	page := gofakes3.ListBucketPage{MaxKeys: 1000}
	for {
		l, err := o.backend.ListBucket(bucket, &gofakes3.Prefix{Prefix: prefix, HasPrefix: prefix != ""}, page)
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", bucket, err)
		}
		for _, object := range l.Contents {
			keys = append(keys, object.Key)
		}
		if !l.IsTruncated {
			return keys, nil
		}
		page.Marker, page.HasMarker = l.NextMarker, true
	}
}

// All lists every object of every bucket as s3://bucket/key.
func (o *Objects) All() (all []string, err error) {
	buckets, err := o.backend.ListBuckets()
	if err != nil {
		return nil, err
	}
	for _, b := range buckets {
		keys, err := o.List(b.Name, "")
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			all = append(all, "s3://"+b.Name+"/"+k)
		}
	}
	return all, nil
}

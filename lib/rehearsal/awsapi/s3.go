package awsapi

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/sse"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// object splits a path into bucket and key.
func object(r *http.Request) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key
}

// s3Operation names the operation of a REST request.
func s3Operation(r *http.Request) string {
	bucket, key := object(r)
	q := r.URL.Query()
	switch {
	case bucket == "":
		return "ListBuckets"
	case key == "":
		return bucketOperation(r.Method, q)
	}
	switch r.Method {
	case http.MethodGet:
		if q.Has("uploadId") {
			return "ListParts"
		}
		return "GetObject"
	case http.MethodHead:
		return "HeadObject"
	case http.MethodPut:
		switch {
		case q.Has("partNumber"):
			return "UploadPart"
		case r.Header.Get("X-Amz-Copy-Source") != "":
			return "CopyObject"
		}
		return "PutObject"
	case http.MethodPost:
		if q.Has("uploads") {
			return "CreateMultipartUpload"
		}
		return "CompleteMultipartUpload"
	case http.MethodDelete:
		if q.Has("uploadId") {
			return "AbortMultipartUpload"
		}
		return "DeleteObject"
	}
	return r.Method
}

func bucketOperation(method string, q url.Values) string {
	switch {
	case method == http.MethodHead:
		return "HeadBucket"
	case method == http.MethodPost && q.Has("delete"):
		return "DeleteObjects"
	case method != http.MethodGet:
		return method + " bucket"
	case q.Has("location"):
		return "GetBucketLocation"
	case q.Has("versioning"):
		return "GetBucketVersioning"
	case q.Has("versions"):
		return "ListObjectVersions"
	case q.Has("uploads"):
		return "ListMultipartUploads"
	case q.Get("list-type") == "2":
		return "ListObjectsV2"
	}
	return "ListObjects"
}

// actions are the permissions that operations need. See "Required permissions
// for Amazon S3 API operations". An empty action needs more than one look.
var actions = map[string]string{
	"ListBuckets": "s3:ListAllMyBuckets", "HeadBucket": "s3:ListBucket", "ListObjects": "s3:ListBucket", "ListObjectsV2": "s3:ListBucket",
	"ListObjectVersions": "s3:ListBucketVersions", "ListMultipartUploads": "s3:ListBucketMultipartUploads", "GetBucketLocation": "s3:GetBucketLocation", "GetBucketVersioning": "s3:GetBucketVersioning",
	"GetObject": "s3:GetObject", "HeadObject": "s3:GetObject", "PutObject": "s3:PutObject", "CopyObject": "s3:PutObject", "UploadPart": "s3:PutObject",
	"CreateMultipartUpload": "s3:PutObject", "CompleteMultipartUpload": "s3:PutObject", "AbortMultipartUpload": "s3:AbortMultipartUpload", "ListParts": "s3:ListMultipartUploadParts",
	"DeleteObject": "s3:DeleteObject", "DeleteObjects": "s3:DeleteObject",
}

func (s *Server) serveS3(w http.ResponseWriter, r *request) {
	if err := s.allowS3(r); err != nil {
		writeError(w, r, err)
		return
	}
	if key := s.bucketKey(bucketOf(r)); key != "" && r.operation != "ListBuckets" {
		w.Header().Set("X-Amz-Server-Side-Encryption", "aws:kms")
		w.Header().Set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", key)
	}
	body, err := unchunk(r)
	if err != nil {
		writeError(w, r, fail(http.StatusBadRequest, "IncompleteBody", "%v", err))
		return
	}
	forward := r.Clone(r.Context())
	forward.Body, forward.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	s.s3.ServeHTTP(w, forward)
}

func bucketOf(r *request) string {
	b, _ := object(r.Request)
	return b
}

// allowS3 authorises a request, with the use of the bucket's key.
func (s *Server) allowS3(r *request) error {
	action := actions[r.operation]
	bucket, key := object(r.Request)
	switch {
	case action == "":
		return fail(http.StatusNotImplemented, "NotImplemented", "the local cloud does not play s3 %s", r.operation)
	case r.operation == "ListBuckets":
		return s.authorize(r, action, "*", nil)
	}
	if err := s.expectOwner(bucket, r.Header["X-Amz-Expected-Bucket-Owner"]); err != nil {
		return err
	}
	switch {
	case key == "" && r.operation != "DeleteObjects":
		return s.authorize(r, action, arns.Bucket(bucket), listContext(r.URL.Query()))
	case r.operation == "DeleteObjects":
		return s.allowDeletes(r, bucket)
	}
	if err := s.allowObject(r, action, bucket, key); err != nil {
		return err
	}
	if from := r.Header.Get("X-Amz-Copy-Source"); from != "" {
		return s.allowSource(r, from)
	}
	return nil
}

// expectOwner refuses a bucket that does not exist, and one that another
// account owns than the request's header expects, whatever the policies allow.
// See "Verifying bucket ownership with bucket owner condition",
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
// and, for a header that is not an account id, InvalidBucketOwnerAWSAccountID in
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (s *Server) expectOwner(bucket string, header []string) error {
	b := s.cloud.First("", typetoken.Bucket, func(b *cloud.Resource) bool { return b.Name == bucket })
	switch {
	case b == nil:
		return fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case len(header) == 0:
		return nil
	case !awsname.Account.Allows(header[0]):
		return fail(http.StatusBadRequest, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS account ID")
	case header[0] != b.Account:
		return fail(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	return nil
}

func (s *Server) allowObject(r *request, action, bucket, key string) error {
	arn := arns.Object(bucket, key)
	if err := s.authorize(r, action, arn, objectContext(r.Request)); err != nil {
		return err
	}
	switch r.operation {
	case "GetObject", "HeadObject":
		if !s.cloud.Objects.Has(bucket, key) {
			return s.missing(r, bucket)
		}
		if r.operation == "GetObject" {
			return s.useKey(r, "kms:Decrypt", bucket, key, sse.Own{})
		}
	case "PutObject", "CopyObject", "CreateMultipartUpload":
		return s.useKey(r, "kms:GenerateDataKey", bucket, key, ownEncryption(r.Header))
	case "UploadPart", "CompleteMultipartUpload":
		// See "Uploading and copying objects using multipart upload": the key
		// that CreateMultipartUpload made has to be read again.
		return s.useKey(r, "kms:Decrypt", bucket, key, sse.Own{})
	}
	return nil
}

// missing tells apart what GetObject tells apart: who may list learns that an
// object does not exist, others are denied.
func (s *Server) missing(r *request, bucket string) error {
	if err := s.cloud.Allowed(cloud.Call{Session: r.session, Action: "s3:ListBucket", Resource: arns.Bucket(bucket)}); err != nil {
		return s.authorize(r, "s3:ListBucket", arns.Bucket(bucket), nil)
	}
	return fail(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
}

func (s *Server) allowSource(r *request, from string) error {
	path, err := url.PathUnescape(strings.TrimPrefix(from, "/"))
	if err != nil {
		return fail(http.StatusBadRequest, "InvalidArgument", "copy source %q is not readable", from)
	}
	path, _, _ = strings.Cut(path, "?")
	bucket, key, _ := strings.Cut(path, "/")
	if err := s.expectOwner(bucket, r.Header["X-Amz-Source-Expected-Bucket-Owner"]); err != nil {
		return err
	}
	if err := s.authorize(r, "s3:GetObject", arns.Object(bucket, key), nil); err != nil {
		return err
	}
	return s.useKey(r, "kms:Decrypt", bucket, key, sse.Own{})
}

func (s *Server) allowDeletes(r *request, bucket string) error {
	var list struct {
		Objects []struct {
			Key string `xml:"Key"`
		} `xml:"Object"`
	}
	if err := xml.Unmarshal(r.body, &list); err != nil {
		return fail(http.StatusBadRequest, "MalformedXML", "%v", err)
	}
	var errs []error
	for _, o := range list.Objects {
		errs = append(errs, s.authorize(r, "s3:DeleteObject", arns.Object(bucket, o.Key), nil))
	}
	return errors.Join(errs...)
}

// useKey authorises the caller to use the object's key through S3.
func (s *Server) useKey(r *request, action, bucket, key string, own sse.Own) error {
	return answer(r, s.cloud.UseObjectKey(r.session, action, bucket, key, own))
}

// ownEncryption is what a write says of its encryption.
func ownEncryption(h http.Header) sse.Own {
	own := sse.Own{Algorithm: h.Get("X-Amz-Server-Side-Encryption"), Key: h.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")}
	if on, err := strconv.ParseBool(h.Get("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled")); err == nil {
		own.BucketKey = &on
	}
	return own
}

// bucketKey is the key that a bucket is encrypted with, "" for none.
func (s *Server) bucketKey(bucket string) string { return s.cloud.Encryption(bucket).Key }

func listContext(q url.Values) map[string][]string {
	out := map[string][]string{}
	for _, k := range []string{"prefix", "delimiter", "max-keys"} {
		if q.Has(k) {
			out["s3:"+k] = []string{q.Get(k)}
		}
	}
	return out
}

func objectContext(r *http.Request) map[string][]string {
	out := map[string][]string{}
	for _, k := range []string{"x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-acl", "x-amz-storage-class"} {
		if v := r.Header.Get(k); v != "" {
			out["s3:"+k] = []string{v}
		}
	}
	return out
}

// unchunk takes the body out of its aws-chunked encoding. The chunks'
// signatures are not verified; the request's is.
func unchunk(r *request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return r.body, nil
	}
	r.Header.Del("Content-Encoding")
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	var out bytes.Buffer
	in := bufio.NewReader(bytes.NewReader(r.body))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		text, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(text, 16, 64)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return out.Bytes(), nil
		}
		if _, err := io.CopyN(&out, in, n); err != nil {
			return nil, err
		}
		if _, err := in.Discard(2); err != nil {
			return nil, err
		}
	}
}

// Package storage makes the platform's S3 buckets. Bucket is the one way to
// make any: versioned, encrypted with a customer-managed key, closed to the
// public, owned by the account alone, reachable over TLS only, cleaned up by
// age, and removable with its content. StateStore, ArtifactStore and Ledger
// say what goes into a bucket, how long it is kept and who may write.
package storage

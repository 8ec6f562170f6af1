// Package bucket is the one way this platform makes an S3 bucket: versioned,
// encrypted with a customer-managed key, closed to the public, owned by the
// account alone, reachable over TLS only, cleaned up by age, and removable
// with its content. What goes into a bucket and who may use it is decided by
// its callers: lib/statestore, lib/artifacts and the shared project.
package bucket

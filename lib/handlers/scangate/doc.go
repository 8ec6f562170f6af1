// Package scangate is the Lambda function that decides whether a build image
// may be used: it reads ECR's findings of a finished scan and records the
// digest of a clean image as approved. It fails closed: whatever is not a
// complete scan without blocking findings approves nothing.
package scangate

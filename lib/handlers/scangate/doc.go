// Package scangate is the Lambda function that decides whether a build image
// may be used. It hears of the end of a scan, by ECR or by Inspector, or is
// asked by an operator; reads what ECR has found (judge.go decides); and records
// the digest of the newest image as approved, and its verdict for whoever waits.
// It fails closed: whatever is not a finished scan without blocking findings
// approves nothing.
package scangate

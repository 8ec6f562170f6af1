// Package receiver is the Lambda function behind the webhook URL: it proves
// that a delivery comes from GitHub, keeps what concerns the delivered branch,
// and puts one small push event on the delivery bus.
//
// Handler holds the decisions and knows no AWS client; secret.go, claim.go and
// bus.go hold the adapters. The status codes follow one rule: 4xx for a delivery that would be
// refused again, 5xx for one that GitHub's "Redeliver" may repeat.
package receiver

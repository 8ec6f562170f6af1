// Package github plays GitHub for the rehearsal: a repository with commits and
// branches, webhooks as they are deployed, signed deliveries, and the archives
// that a source connection fetches. Nothing of a webhook's secret is recorded.
package github

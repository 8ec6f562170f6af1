// Package github plays GitHub for the rehearsal: a repository with commits,
// branches and people, branch protection and webhooks as they are deployed,
// pull requests, signed deliveries, and the archives that a source connection
// fetches. Pull requests are merged by squashing; push is the only event that
// webhooks hear of, beside their ping. Nothing of a webhook's secret is
// recorded.
package github

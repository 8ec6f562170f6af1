// Package sourcecontrol makes everything that the platform sets up around the
// customer's infrastructure repository: the webhook, an environment with
// variables and secrets for each stage of delivery, the protection of the
// delivered branch, and the connection through which CodePipeline reads.
package sourcecontrol

// Package compute makes the platform's Lambda functions and the log groups of
// everything that it runs. A function is a Go binary on provided.al2023 with a
// role of its own and a log group of our own, so that none is made behind our
// back and left after a destroy. What a function may do is decided by its
// caller.
package compute

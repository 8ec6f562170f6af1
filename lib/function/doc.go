// Package function makes the platform's Lambda functions: a Go binary on
// provided.al2023 with a role of its own and a log group of our own, so that
// none is made behind our back and left after a destroy. What a function may
// do is decided by its caller.
package function

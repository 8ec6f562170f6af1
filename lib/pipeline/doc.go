// Package pipeline makes the CodePipeline of an environment. The layout is
// plain data first: Layout builds a Blueprint, Validate checks it without AWS,
// Render turns it into codepipeline.PipelineArgs, and the role's policy is
// derived from it, so that a pipeline may do exactly what its actions need.
// lib/environment is the only caller.
package pipeline

// Package starter starts the pipelines. A rule of each environment on the
// delivery bus invokes it with the name of the environment's pipeline and the
// event; it checks every value and calls StartPipelineExecution. It exists
// because AWS does not document that an event's input reaches a pipeline whose
// source is a connection; see docs/decisions/0010-a-function-starts-the-pipelines.md.
package starter

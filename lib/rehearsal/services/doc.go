// Package services plays what happens between the services of the local cloud:
// events and their rules, functions, the HTTP API, topics, queues, pipelines
// and builds. It interprets the resources as they are deployed, in package
// cloud's table, and knows nothing of the platform's layout.
//
// Everything is driven by events: nothing polls and nothing waits for a fixed
// time. Every call that a service makes in somebody's name is authorised by
// package cloud. Package awsapi calls it for the APIs that binaries use.
package services

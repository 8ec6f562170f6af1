// Package rehearsal runs the whole delivery platform on the real Pulumi engine
// against a local cloud: the same programs, the same CLI, the same functions
// and the same deployer as in a real account; only AWS and GitHub are played.
//
// Open starts the local cloud. The methods of Rehearsal are the steps that a
// user takes by hand; Story strings them together as `make rehearse` does, and
// the scenario tests take them with faults in between.
//
//	cloud     accounts, resources, credentials, authorisation, faults, journal
//	iam       policy evaluation and validation
//	provider  the Pulumi providers aws, github and random
//	awsapi    the HTTP APIs of AWS that binaries call
//	runtime   EventBridge, Lambda, API Gateway, CodePipeline, CodeBuild, SNS, SQS, CloudWatch alarms
//	github    the repository, its webhooks and its archives
package rehearsal

// Package rehearsal builds the rig on which the whole delivery platform runs on
// the real Pulumi engine against a local cloud: the same programs, the same
// CLI, the same functions and the same deployer as in a real account; only AWS
// and GitHub are emulated.
//
// Open starts the local cloud, with GitHub beside it. An operator works with
// it, and the story strings the operator's steps together as `make rehearse`
// does; the scenario tests take them with faults in between.
//
//	cloud     accounts, resources, the state of every service, credentials, authorisation, faults, journal
//	provider  the Pulumi providers aws, github and random
//	awsapi    the HTTP APIs of AWS that binaries call
//	services  EventBridge, Lambda, API Gateway, CodePipeline, CodeBuild, SNS, SQS, CloudWatch alarms
//	github    the repository, its webhooks and its archives
//	operator  what an operator does: bootstrap, up, destroy, merge, approve, wait
//	story     the story of make rehearse, with its screen and its report
package rehearsal

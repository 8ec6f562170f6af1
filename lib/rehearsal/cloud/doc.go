// Package cloud is the model of the local cloud: accounts, the resources that
// the providers deployed in them, credentials, authorisation, injected faults
// and the journal of everything that happened.
//
// It has no network and plays no service: package provider fills the resource
// table, package awsapi serves the APIs that our binaries call, package
// runtime plays what happens between services. All of them authorise every
// call here.
package cloud

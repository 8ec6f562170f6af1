// Package cloud is the model of the local cloud: accounts, the resources that
// the providers deployed in them with everything that services keep of them,
// credentials, authorisation, injected faults and the journal of everything
// that happened. What a service keeps of a resource goes with the resource.
//
// It has no network and emulates no service: package provider fills the
// resource table, package awsapi serves the APIs that our binaries call,
// package services emulates what happens between services. All of them
// authorise every call here.
package cloud

// Package iam judges policies as AWS does: Validate refuses a document that
// AWS would refuse to store, Evaluate decides whether a request is allowed, and
// Compare whether a change to a document allows something that was refused.
//
// It is pure: no clock but the request's, no table of resources, no network.
// Package cloud gathers the policies that have a say in a call and asks here;
// package provider validates documents before it stores them; package
// permissions compares the documents of a plan. Which actions, resources and
// condition keys there are is data, in package reference. What the
// platform's own rules forbid beyond AWS's lives in package iampolicy.
package iam

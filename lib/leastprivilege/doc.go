// Package leastprivilege shows which parts of the platform's policies some call
// needs. It takes a recording of every call that a rehearsal authorized, takes
// one action, resource, principal or condition at a time out of every statement
// that allows something, and asks package iam about the recorded calls again.
// What nobody misses is either dead, and then it goes, or needed for something
// that the rehearsal doesn't play, and then reasons.json says for what, with
// AWS's page.
//
// Conditions are asked about the other way round: for every call that meets
// one, a call that differs in nothing but that key must be refused.
//
// Package rehearsal makes the recording, command leastprivilege judges it.
package leastprivilege

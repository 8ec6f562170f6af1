// Package permissions says what a change to resources newly allows: for each
// resource of a plan, with its inputs before and after, whether what is allowed
// stays, narrows or broadens, and in which words a review should say so.
//
// It is pure. Policies are compared as sets of requests by package iam; what
// is not a policy document but allows something all the same (grants of keys,
// permissions of functions, rules of security groups, public access blocks) is
// compared here. What is not known, because a value is computed or the kind of
// resource carries a policy that nobody compares, counts as broadened.
//
// Inputs alone are looked at: what a role may do once code that runs as it is
// exchanged is the business of the review of that code.
package permissions

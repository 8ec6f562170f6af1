// Package reference is AWS's service authorization reference as data: which
// actions there are, on which types of resources each can be allowed, and which
// condition keys a request for it carries.
//
// reference.json is generated (see the command generate) and never edited. What
// the reference does not say, the global condition keys, is in global.go with
// its page. Policies are judged by it in package iampolicy, where they are
// built, and in package iam, where the local cloud stores them.
package reference

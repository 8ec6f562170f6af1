// Package trigger makes what lies between events and a pipeline: the rule that
// starts it, pinned to the commit of the event, and the rule that tells people
// what became of it. lib/environment is the only caller.
package trigger

// Package delivery holds the tests of the repository as a whole, and nothing
// else: versions that stand in several files agree. Each project and library
// has its own tests beside its code.
package delivery

// Package plantest runs a Pulumi program against mocks and checks what it
// would deploy: names, tags, encryption, removability and policies.
//
// It is for tests only. Run returns every resource that a program registers;
// the Check functions walk them all, so that a resource that is added later is
// held to the same rules without a new test. A type that the table in kinds.go
// doesn't know fails the check: whoever adds a type decides its rules there.
package plantest

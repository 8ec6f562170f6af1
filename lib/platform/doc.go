// Package platform holds the steps behind the Makefile: configure, bootstrap,
// up, preview, refresh and destroy of one project, destroy-all, and the build
// of the image. It drives the pulumi CLI as a child process and knows nothing
// of the projects' resources. Every step can be repeated: what is done next is
// decided from what exists (evidence.go), never from a record of what was
// done. lib/cmd/platform and the rehearsal call it.
package platform

// Package buildimage makes the image in which all builds run, and the gate
// that an image must pass before any pipeline uses it: a repository that scans
// on push, a CodeBuild project that builds and pushes, and a function that
// reads the findings and records a clean image as approved.
package buildimage

// Package promotion holds the environments of an installation as data: which
// there are, what account each deploys to, and how a commit gets from one to
// the next. The list is given once, to bootstrap, which checks and exports it;
// everything else loops over it. The package makes no resources and reads no
// configuration.
package promotion

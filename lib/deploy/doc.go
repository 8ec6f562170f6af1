// Package deploy is the deployer: the program inside the build image that
// previews and deploys the stacks of an infrastructure repository. Preview
// writes a bundle of what was reviewed; Deploy carries out that bundle or
// refuses. Decisions (manifest, graph, diff, guard, classify) are pure
// functions; the engine, the ledger and the bus are small interfaces.
// lib/cmd/deployer is the only caller.
package deploy

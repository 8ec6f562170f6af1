package deploy

// Version is the version of the deployer. Builds stamp it with
// -ldflags "-X delivery/lib/deploy.Version=…".
var Version = "development"

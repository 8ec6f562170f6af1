package deploy

// Version is the version of the deployer. Builds stamp it with
// -ldflags "-X delivery.internal/lib/deploy.Version=…".
var Version = "development"

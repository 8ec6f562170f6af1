package main

import (
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/projectconfig"
	"delivery.internal/lib/settings"
)

// options is this project's own configuration. Everything else comes from
// bootstrap. Pulumi.yaml describes each key.
type options struct {
	connectionARN          string
	lambdaDirectory        string
	lambdaArchitecture     string
	imageContext           string
	blockSeverity          string
	accepted               []contract.AcceptedFinding
	branchProtection       bool
	repositoryEnvironments bool
	requiredReviews        int
	auditRetentionDays     int
	webhookSecretVersion   int
}

// readOptions reads the configuration, or says everything that is wrong in it.
func readOptions(ctx *pulumi.Context) (options, error) {
	r := projectconfig.NewReader(ctx)
	o := options{
		connectionARN: r.Match("connectionArn", "", settings.ConnectionARN,
			"the ARN of a connection of CodeConnections in us-east-1, or nothing",
			"arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000"),
		lambdaDirectory:        r.String("lambdaDirectory", filepath.Join("..", "dist", "lambda")),
		lambdaArchitecture:     r.OneOf("lambdaArchitecture", "arm64", "arm64", "x86_64"),
		imageContext:           r.String("imageContext", filepath.Join("..", "dist", "image")),
		blockSeverity:          r.OneOf("blockSeverity", "HIGH", "CRITICAL", "HIGH", "MEDIUM", "LOW"),
		accepted:               readAccepted(r),
		branchProtection:       r.Bool("branchProtection", true),
		repositoryEnvironments: r.Bool("repositoryEnvironments", true),
		requiredReviews:        r.Int("requiredReviews", 1, 0, 6),
		auditRetentionDays:     r.Int("auditRetentionDays", 365, 90, 3650),
		webhookSecretVersion:   r.Int(contract.WebhookSecretVersion, 0, 0, 1_000_000),
	}
	return o, r.Err()
}

// code returns the binary of one of the functions.
func (o options) code(name string) compute.Code {
	return compute.Code{Directory: filepath.Join(o.lambdaDirectory, name), Architecture: o.lambdaArchitecture}
}

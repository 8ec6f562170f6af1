package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"delivery.internal/lib/deploy"
)

// options are what the flags say.
type options struct {
	// Source is the folder of the infrastructure repository.
	Source string
	// Bundle is the folder of the bundle.
	Bundle string
}

// commands are what the deployer can be told to do, so that tests can look at
// the flags alone.
type commands struct {
	preview, deploy func(context.Context, options) error
}

// command is the command line.
func command(do commands) *cobra.Command {
	root := &cobra.Command{
		Use:           "deployer",
		Short:         "Preview and deploy the stacks of an infrastructure repository",
		Long:          "Preview and deploy the stacks of an infrastructure repository, as listed in its delivery.yaml.\nEverything else is read from the DELIVERY_* variables, which the pipeline sets.",
		Version:       deploy.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		subcommand("preview", "Review every stack and write the bundle", "folder to write the bundle to", do.preview),
		subcommand("deploy", "Carry out a bundle, or refuse", "folder of the bundle to carry out", do.deploy),
	)
	return root
}

func subcommand(name, short, bundle string, run func(context.Context, options) error) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), o) },
	}
	c.Flags().StringVar(&o.Source, "source", ".", "folder of the infrastructure repository")
	c.Flags().StringVar(&o.Bundle, "bundle", ".delivery", bundle)
	return c
}

func preview(ctx context.Context, o options) error {
	d, stop, err := deployer(ctx, "preview", o)
	if err != nil {
		return err
	}
	defer stop()
	b, err := d.Preview(ctx)
	if err != nil {
		return err
	}
	d.Log.Info("reviewed", "summary", b.Summary, "digest", b.Digest, "environment", b.Environment, "commit", b.Commit, "execution", b.Execution)
	return nil
}

func carryOut(ctx context.Context, o options) error {
	d, stop, err := deployer(ctx, "deploy", o)
	if err != nil {
		return err
	}
	defer stop()
	return d.Deploy(ctx)
}

// awsTries is more than the SDK's three: a deployment is not to fail because
// its record met a short fault.
const awsTries = 8

// deployer makes the Deployer of a command, from the variables that the
// pipeline sets and the clients of AWS. stop removes what it needs on the disk.
func deployer(ctx context.Context, command string, o options) (d *deploy.Deployer, stop func(), err error) {
	log := logger()
	settings, err := deploy.ReadSettings(os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	if o.Source, err = filepath.Abs(o.Source); err != nil {
		return nil, nil, err
	}
	if o.Bundle, err = filepath.Abs(o.Bundle); err != nil {
		return nil, nil, err
	}
	conf, err := config.LoadDefaultConfig(ctx, config.WithRegion(settings.Region), config.WithRetryer(func() aws.Retryer {
		return retry.AddWithMaxAttempts(retry.NewStandard(), awsTries)
	}))
	if err != nil {
		return nil, nil, fmt.Errorf("the AWS settings can't be loaded: %w", err)
	}
	objects := s3.NewFromConfig(conf, func(o *s3.Options) {
		// A local endpoint has no host name per bucket.
		o.UsePathStyle = conf.BaseEndpoint != nil || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	})
	engine, stop, err := engine(settings, log)
	if err != nil {
		return nil, nil, err
	}
	engine.Objects = deploy.BucketObjects{API: objects, Bucket: settings.StateBucket, Owner: settings.DeliveryAccount()}
	engine.Keys = deploy.DataKeys{API: kms.NewFromConfig(conf)}
	log.Info("deployer", "version", deploy.Version, "command", command, "environment", settings.Environment, "commit", settings.Commit, "execution", settings.Execution)
	return &deploy.Deployer{
		Settings: settings, Engine: engine,
		Ledger: deploy.BucketLedger{API: objects, Bucket: settings.LedgerBucket, Owner: settings.DeliveryAccount()},
		Bus:    deploy.EventBus{API: eventbridge.NewFromConfig(conf), Name: settings.Bus},
		Log:    log, Now: time.Now, Source: o.Source, BundleDir: o.Bundle,
	}, stop, nil
}

// engine makes the driver of the Pulumi CLI, without what it needs of AWS.
func engine(settings deploy.Settings, log *slog.Logger) (c *deploy.CLI, stop func(), err error) {
	pulumi, err := exec.LookPath("pulumi")
	if err != nil {
		return nil, nil, fmt.Errorf("pulumi is not on the PATH (%w): the build image holds it; outside of it run: make tools", err)
	}
	hosts, stop, err := deploy.NewHosts(os.Environ())
	if err != nil {
		return nil, nil, err
	}
	return &deploy.CLI{
		Pulumi: pulumi, Env: os.Environ(), Hosts: hosts,
		Backend: settings.Backend(), SecretsProvider: settings.SecretsProvider(), Message: settings.Message(),
		Retry: deploy.DefaultRetry(log), Out: os.Stdout, Log: log,
	}, stop, nil
}

// logger writes for machines where nobody watches.
func logger() *slog.Logger {
	if isatty.IsTerminal(os.Stderr.Fd()) {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, nil))
}

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
	// Verb is preview or deploy.
	Verb string
	// Source is the folder of the infrastructure repository.
	Source string
	// Bundle is the folder of the bundle.
	Bundle string
}

// command is the command line; run does the work, so that tests can look at
// the flags alone.
func command(run func(context.Context, options) error) *cobra.Command {
	root := &cobra.Command{
		Use:           "deployer",
		Short:         "Preview and deploy the stacks of an infrastructure repository",
		Long:          "Preview and deploy the stacks of an infrastructure repository, as listed in its delivery.yaml.\nEverything else is read from the DELIVERY_* variables, which the pipeline sets.",
		Version:       deploy.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	verb := func(name, short, bundle string) {
		o := options{Verb: name}
		c := &cobra.Command{
			Use: name, Short: short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), o) },
		}
		c.Flags().StringVar(&o.Source, "source", ".", "folder of the infrastructure repository")
		c.Flags().StringVar(&o.Bundle, "bundle", ".delivery", bundle)
		root.AddCommand(c)
	}
	verb("preview", "Review every stack and write the bundle", "folder to write the bundle to")
	verb("deploy", "Carry out a bundle, or refuse", "folder of the bundle to carry out")
	return root
}

// awsTries is more than the SDK's three: a deployment is not to fail because
// its record met a short fault.
const awsTries = 8

func work(ctx context.Context, o options) error {
	log := logger()
	settings, err := deploy.ReadSettings(os.Getenv)
	if err != nil {
		return err
	}
	if o.Source, err = filepath.Abs(o.Source); err != nil {
		return err
	}
	if o.Bundle, err = filepath.Abs(o.Bundle); err != nil {
		return err
	}
	pulumi, err := exec.LookPath("pulumi")
	if err != nil {
		return fmt.Errorf("pulumi is not on the PATH (%w): the build image holds it; outside of it run: make tools", err)
	}
	hosts, remove, err := deploy.NewHosts(os.Environ())
	if err != nil {
		return err
	}
	defer remove()
	conf, err := config.LoadDefaultConfig(ctx, config.WithRegion(settings.Region), config.WithRetryer(func() aws.Retryer {
		return retry.AddWithMaxAttempts(retry.NewStandard(), awsTries)
	}))
	if err != nil {
		return fmt.Errorf("the AWS settings can't be loaded: %w", err)
	}
	objects := s3.NewFromConfig(conf, func(o *s3.Options) {
		// A local endpoint has no host name per bucket.
		o.UsePathStyle = conf.BaseEndpoint != nil || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	})
	d := &deploy.Deployer{
		Settings: settings,
		Engine: &deploy.CLI{
			Pulumi: pulumi, Env: os.Environ(), Hosts: hosts,
			Backend: settings.Backend(), SecretsProvider: settings.SecretsProvider(),
			Message: settings.Message(),
			Retry:   deploy.DefaultRetry(log),
			Objects: deploy.BucketObjects{API: objects, Bucket: settings.StateBucket, Owner: settings.DeliveryAccount()},
			Keys:    deploy.DataKeys{API: kms.NewFromConfig(conf)},
			Out:     os.Stdout, Log: log,
		},
		Ledger: deploy.BucketLedger{API: objects, Bucket: settings.LedgerBucket, Owner: settings.DeliveryAccount()},
		Bus:    deploy.EventBus{API: eventbridge.NewFromConfig(conf), Name: settings.Bus},
		Log:    log, Now: time.Now, Source: o.Source, Bundle: o.Bundle,
	}
	log.Info("deployer", "version", deploy.Version, "command", o.Verb, "environment", settings.Environment, "commit", settings.Commit, "execution", settings.Execution)
	if o.Verb == "deploy" {
		return d.Deploy(ctx)
	}
	b, err := d.Preview(ctx)
	if err != nil {
		return err
	}
	log.Info("reviewed", "summary", b.Summary, "digest", b.Digest, "environment", b.Environment, "commit", b.Commit, "execution", b.Execution)
	return nil
}

// logger writes for machines where nobody watches.
func logger() *slog.Logger {
	if isatty.IsTerminal(os.Stderr.Fd()) {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, nil))
}

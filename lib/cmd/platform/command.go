package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"delivery.internal/lib/platform"
)

// options are what all commands share.
type options struct {
	in     io.Reader
	out    io.Writer
	getenv func(string) string
	random io.Reader
	root   string
	suffix string
	yes    bool

	environment platform.Environment
	aws         *platform.Clients
}

// clients returns the AWS clients of the commands that open no installation.
func (o *options) clients() *platform.Clients {
	if o.aws == nil {
		o.aws = platform.NewClients(o.environment)
	}
	return o.aws
}

// command builds the command tree. The environment gives the defaults of the
// flags, so that make can pass its variables without quoting.
func command(in io.Reader, out io.Writer, getenv func(string) string, environment platform.Environment) *cobra.Command {
	o := &options{in: in, out: out, getenv: getenv, random: rand.Reader, environment: environment}
	root := &cobra.Command{
		Use:           "platform",
		Short:         "Set up, change and remove the delivery platform",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(out)
	flags := root.PersistentFlags()
	flags.StringVar(&o.root, "root", ".", "folder of the repository")
	flags.StringVar(&o.suffix, "suffix", getenv("SUFFIX"), "environment suffix of the installation (SUFFIX); the configured one when there is only one")
	flags.BoolVar(&o.yes, "yes", getenv("YES") == "yes", "ask nothing (YES=yes)")
	root.AddCommand(
		configureCommand(o),
		environmentCommand(o),
		o.simple("bootstrap", "Make keys and state buckets, and move bootstrap's state there", (*platform.Platform).Bootstrap),
		o.project("up", "Deploy a project", (*platform.Platform).Up),
		o.project("preview", "Show what deploying a project would change", (*platform.Platform).Preview),
		o.project("refresh", "Compare a project's state with the cloud", (*platform.Platform).Refresh),
		o.project("destroy", "Remove what a project made", (*platform.Platform).Destroy),
		o.simple("rotate-webhook-secret", "Give the webhook a new secret; the one of before is good for an hour more", (*platform.Platform).RotateWebhookSecret),
		destroyAllCommand(o),
		o.simple("image", "Build the build image and wait until the scan gate approves or refuses it", endsAtOnce(buildImage)),
	)
	return root
}

// platform opens the installation that the flags name.
func (o *options) platform() (*platform.Platform, error) {
	suffix := o.suffix
	if suffix == "" {
		var err error
		if suffix, err = platform.FindSuffix(o.root); err != nil {
			return nil, err
		}
	}
	c := platform.Config{Root: o.root, Suffix: suffix, Out: o.out, Environment: o.environment}
	if o.interactive() {
		c.In = o.in
	}
	return platform.New(c)
}

// interactive says whether there is a person to ask.
func (o *options) interactive() bool {
	f, ok := o.in.(*os.File)
	return !o.yes && ok && isatty.IsTerminal(f.Fd())
}

func (o *options) simple(use, short string, run func(*platform.Platform, context.Context) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		p, err := o.platform()
		if err != nil {
			return err
		}
		ctx, stop := o.interruptible(cmd.Context())
		defer stop()
		return run(p, ctx)
	}}
}

func (o *options) project(verb, short string, run func(*platform.Platform, context.Context, string) error) *cobra.Command {
	return &cobra.Command{Use: verb + " PROJECT", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		p, err := o.platform()
		if err != nil {
			return err
		}
		ctx, stop := o.interruptible(cmd.Context())
		defer stop()
		return run(p, ctx, args[0])
	}}
}

// interruptible ends a context at a Ctrl-C, so that pulumi is interrupted once.
// Where it asks a person questions it shares the terminal, from which the
// Ctrl-C reaches it without us; see pulumicli.Process.
func (o *options) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.interactive() {
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, os.Interrupt)
}

func destroyAllCommand(o *options) *cobra.Command {
	force := o.getenv("FORCE") == "yes"
	cmd := o.simple("destroy-all", "Remove the whole installation", func(p *platform.Platform, ctx context.Context) error {
		return p.DestroyAll(ctx, force)
	})
	cmd.Flags().BoolVar(&force, "force", force, "lose the state of workloads that are still deployed (FORCE=yes)")
	return cmd
}

// How a running build and the verdict on its image are looked at.
const (
	watchEvery      = 5 * time.Second
	verdictPatience = 20 * time.Minute
)

// endsAtOnce ends what runs at an interrupt: unlike pulumi, it needs no time to
// end well.
func endsAtOnce(run func(*platform.Platform, context.Context) error) func(*platform.Platform, context.Context) error {
	return func(p *platform.Platform, ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
		defer stop()
		return run(p, ctx)
	}
}

// buildImage builds the image and waits for the scan gate's verdict on it.
func buildImage(p *platform.Platform, ctx context.Context) error {
	builds, err := p.CodeBuild(ctx)
	if err != nil {
		return err
	}
	gate, err := p.ScanGate(ctx)
	if err != nil {
		return err
	}
	digest, err := p.BuildImage(ctx, builds, watchEvery)
	if err != nil {
		return err
	}
	return p.WaitForVerdict(ctx, gate, digest, platform.Waiting{Every: watchEvery, Patience: verdictPatience})
}

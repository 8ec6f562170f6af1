package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"delivery.internal/lib/settings"
)

// Environment is what child processes and AWS clients are given: this
// process's own, or that of a rehearsal. The zero value is neither.
type Environment struct {
	vars      []string
	rehearsal bool
}

// OwnEnvironment is this process's. The AWS clients find credentials in it as
// every tool of AWS does: in variables, in a profile of the shared files, in a
// login to IAM Identity Center, in the role of the machine.
func OwnEnvironment() Environment { return Environment{vars: os.Environ()} }

// RehearsalEnvironment is a whole environment as NAME=value, with nothing of
// this process's own, whose credentials could be real. The AWS clients take
// keys and endpoints from its variables and know no other way.
func RehearsalEnvironment(vars []string) Environment {
	return Environment{vars: vars, rehearsal: true}
}

// getenv returns a variable, "" where it is not set. The last one counts, as it
// does for a child process.
func (e Environment) getenv(name string) string {
	for i := len(e.vars) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(e.vars[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// Clients makes the AWS clients of all commands: the one home of how they find
// credentials. It is safe for concurrent use.
type Clients struct {
	environment Environment
	mu          sync.Mutex
	caller      *Caller
	announce    func(Caller)
}

// NewClients returns the Clients of an environment.
func NewClients(e Environment) *Clients {
	return &Clients{environment: e, announce: func(Caller) {}}
}

// Caller is whose credentials the commands work with.
type Caller struct {
	// Account is the twelve-digit account id: of the delivery account.
	Account string
	// ARN is of the session, role or user.
	ARN string
}

// Caller asks AWS whose credentials these are, once. Every client asks first,
// so that missing credentials are never taken for anything else.
func (c *Clients) Caller(ctx context.Context) (Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caller != nil {
		return *c.caller, nil
	}
	cfg, err := c.load(ctx, "STS")
	if err != nil {
		return Caller{}, c.noCredentials(err)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return Caller{}, c.noCredentials(err)
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused):
		return Caller{}, fmt.Errorf("AWS refuses the credentials (%s: %s): %s", refused.ErrorCode(), refused.ErrorMessage(), c.login())
	case err != nil:
		return Caller{}, fmt.Errorf("AWS can't be asked whose credentials these are: %w", err)
	}
	c.caller = &Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	c.announce(*c.caller)
	return *c.caller, nil
}

func (c *Clients) noCredentials(err error) error {
	return fmt.Errorf("there are no AWS credentials (%w): %s", err, c.login())
}

// login is the remedy for credentials that are missing or refused.
func (c *Clients) login() string {
	if profile := c.environment.getenv("AWS_PROFILE"); profile != "" {
		return "log in to the delivery account, for instance with: aws sso login --profile " + profile
	}
	return "log in to the delivery account, for instance with: aws sso login --profile NAME, and name the profile with: export AWS_PROFILE=NAME"
}

// config returns the settings of a client, and who will be calling.
func (c *Clients) config(ctx context.Context, service string) (aws.Config, Caller, error) {
	caller, err := c.Caller(ctx)
	if err != nil {
		return aws.Config{}, caller, err
	}
	cfg, err := c.load(ctx, service)
	return cfg, caller, err
}

// load reads the settings of a service's client from the environment.
func (c *Clients) load(ctx context.Context, service string) (aws.Config, error) {
	e := c.environment
	if !e.rehearsal {
		return config.LoadDefaultConfig(ctx, config.WithRegion(settings.Region))
	}
	cfg := aws.Config{Region: settings.Region, Credentials: credentials.NewStaticCredentialsProvider(
		e.getenv("AWS_ACCESS_KEY_ID"), e.getenv("AWS_SECRET_ACCESS_KEY"), e.getenv("AWS_SESSION_TOKEN"))}
	if endpoint := cmp.Or(e.getenv("AWS_ENDPOINT_URL_"+service), e.getenv("AWS_ENDPOINT_URL")); endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg, nil
}

// Storage returns the buckets of the delivery account.
func (c *Clients) Storage() Storage { return &bucketStorage{c} }

func (c *Clients) s3(ctx context.Context) (*s3.Client, Caller, error) {
	cfg, caller, err := c.config(ctx, "S3")
	if err != nil {
		return nil, caller, err
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		// A local endpoint has no host name per bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
	}), caller, nil
}

// CodeBuild returns the Builds of the delivery account.
func (c *Clients) CodeBuild(ctx context.Context) (Builds, error) {
	cfg, _, err := c.config(ctx, "CODEBUILD")
	if err != nil {
		return nil, err
	}
	return codebuild.NewFromConfig(cfg), nil
}

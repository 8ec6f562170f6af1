package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/github"
	"delivery.internal/lib/rehearsal/provider"
	"delivery.internal/lib/rehearsal/services"
	"delivery.internal/lib/settings"
)

// What the rehearsed installation is called.
const (
	DefaultSuffix = naming.DocumentedSuffix
	Repository    = "acme/infrastructure"
	Branch        = "main"
	Owner         = "platform@example.com"
	// GitHub logins of people who may write to the repository: one makes a
	// change, another reviews it, a third merges.
	Person   = "ada"
	Reviewer = "grace"
	Merger   = "alan"
)

// Options say where a rehearsal finds and puts its files.
type Options struct {
	// Root is the folder of the repository, with .tools and dist made.
	Root string
	// Dir is an empty folder for everything that the rehearsal writes.
	Dir string
	// Suffix is the environment suffix; DefaultSuffix where empty.
	Suffix string
	// Out gets the output of the CLI; nothing where nil.
	Out io.Writer
}

// Rehearsal is a running local cloud with everything that acts in it.
type Rehearsal struct {
	Options
	Cloud    *cloud.Cloud
	API      *awsapi.Server
	Runtime  *services.Runtime
	GitHub   *github.Server
	Platform *platform.Platform
	// Env is what the operator's shell would have: credentials, the endpoint
	// of the local cloud and the attached providers.
	Env []string

	hosts *provider.Host
	http  *http.Server
	stops []func()
}

// Open starts the local cloud and puts the projects, as compiled programs,
// into Options.Dir. Close ends everything.
func Open(ctx context.Context, o Options) (*Rehearsal, error) {
	if o.Suffix == "" {
		o.Suffix = DefaultSuffix
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	r := &Rehearsal{Options: o, Cloud: cloud.New()}
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rehearsal) start(ctx context.Context) error {
	for _, dir := range []string{r.workspace(), r.home(), r.path("builds")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("the local cloud can't listen on this machine: %w", err)
	}
	endpoint := "http://" + listener.Addr().String()
	r.hosts = provider.NewHost(r.Cloud)
	r.API = awsapi.New(r.Cloud, nil)
	goEnv, err := goEnvironment(ctx)
	if err != nil {
		return err
	}
	r.GitHub = github.New(r.Cloud, Repository, Branch)
	for _, login := range []string{Person, Reviewer, Merger} {
		r.GitHub.Grant(login, github.Write)
	}
	if err := r.loadSample(); err != nil {
		return err
	}
	r.Runtime = services.New(r.Cloud, services.Options{
		Endpoint:  endpoint,
		Providers: func(s *cloud.Session) (string, func(), error) { return r.hosts.Serve(s, nil) },
		Path:      []string{r.tools(), filepath.Join(r.Root, "dist", "image"), goEnv.bin},
		WorkDir:   r.path("builds"),
		Source:    r.GitHub,
		Env:       append(goEnv.vars, buildEnvironment()...),
		HasImage:  r.hasImage,
		Registry:  r.API,
	})
	r.API.SetRuntime(r.Runtime)
	r.GitHub.SetTransport(r.Runtime)
	r.http = &http.Server{Handler: r.API, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.http.Serve(listener) }() // ends with Close
	return r.operator(endpoint, goEnv)
}

// loadSample puts the sample workload into the repository, with the suffix of
// the rehearsed installation, as its README tells its users to.
func (r *Rehearsal) loadSample() error {
	_, err := r.GitHub.Load(filepath.Join(r.Root, sample), "Describe the sample workload", func(file string, text []byte) []byte {
		if isSettings, _ := path.Match("*/Pulumi.*.yaml", file); !isSettings {
			return text
		}
		return bytes.ReplaceAll(text, []byte(": "+DefaultSuffix+"\n"), []byte(": "+r.Suffix+"\n"))
	})
	return err
}

// operator prepares what the person at the keyboard works with.
func (r *Rehearsal) operator(endpoint string, goEnv goEnv) error {
	session := r.Cloud.Operator(cloud.DeliveryAccount)
	attached, stop, err := r.hosts.Serve(session, nil)
	if err != nil {
		return err
	}
	r.stops = append(r.stops, stop)
	r.Env = append(session.Env(),
		"HOME="+r.home(),
		"PULUMI_HOME="+filepath.Join(r.home(), ".pulumi"),
		"PATH="+r.tools()+string(os.PathListSeparator)+os.Getenv("PATH"),
		"AWS_REGION="+settings.Region,
		"AWS_ENDPOINT_URL="+endpoint,
		"AWS_EC2_METADATA_DISABLED=true",
		"GITHUB_TOKEN=the-local-cloud-asks-for-none",
		"PULUMI_DEBUG_PROVIDERS="+attached,
	)
	r.Env = append(append(r.Env, goEnv.vars...), buildEnvironment()...)
	r.Platform, err = platform.New(platform.Config{
		Root: r.workspace(), Suffix: r.Suffix, Environment: platform.RehearsalEnvironment(r.Env), Out: r.Out,
		Pulumi:  filepath.Join(r.tools(), "pulumi"),
		Backend: fmt.Sprintf("s3://%s?region=%s&use_path_style=true", r.names(naming.Shared).Of(naming.StateBucket), settings.Region),
	})
	return err
}

// buildEnvironment keeps the CLI from waiting for a network that it does not need.
func buildEnvironment() []string {
	return []string{"PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true"}
}

// Close ends every process and server of the rehearsal.
func (r *Rehearsal) Close() error {
	var errs []error
	if r.Runtime != nil {
		errs = append(errs, r.Runtime.Close())
	}
	for _, stop := range r.stops {
		stop()
	}
	if r.http != nil {
		errs = append(errs, r.http.Close())
	}
	return errors.Join(errs...)
}

func (r *Rehearsal) path(name string) string { return filepath.Join(r.Dir, name) }

// workspace is the folder of the projects, like the root of a clone.
func (r *Rehearsal) workspace() string { return r.path("workspace") }

func (r *Rehearsal) home() string  { return r.path("home") }
func (r *Rehearsal) tools() string { return filepath.Join(r.Root, ".tools", "bin") }

func (r *Rehearsal) names(env naming.Environment) naming.Namer { return naming.New(env, r.Suffix) }

// Shell returns what a shell needs to use the running cloud with the plain
// pulumi CLI, as NAME=value, and with version 1 of the AWS CLI, which knows
// the region by another name.
func (r *Rehearsal) Shell() []string {
	return append(slices.Clone(r.Env), "AWS_DEFAULT_REGION="+settings.Region, "PULUMI_BACKEND_URL="+r.Platform.Backend)
}

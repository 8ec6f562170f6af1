package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/rehearsal/awsapi"
	"delivery.internal/lib/rehearsal/cloud"
	"delivery.internal/lib/rehearsal/github"
	"delivery.internal/lib/rehearsal/provider"
	"delivery.internal/lib/rehearsal/services"
	"delivery.internal/lib/settings"
)

// What the rehearsed installation is called.
const (
	DefaultSuffix  = naming.DocumentedSuffix
	RepositoryName = "acme/infrastructure"
	Branch         = "main"
	Owner          = "platform@example.com"
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
	// Environments are what is deployed to; those of a new installation where
	// empty. Their accounts are those of the rehearsal.
	Environments promotion.Environments
}

// Rig is a running local cloud with GitHub beside it and the projects, as
// compiled programs, in a workspace.
type Rig struct {
	Root, Suffix string
	// Environments are what is deployed to, with their accounts.
	Environments promotion.Environments
	Cloud        *cloud.Cloud
	Services     *services.Emulator
	Repository   *github.Repository
	GitHub       *github.Server
	// Endpoint is the URL of the local cloud's APIs.
	Endpoint string

	dir   string
	goEnv goEnv
	hosts *provider.Host
	http  *http.Server
}

// Open starts the local cloud and puts the projects, as compiled programs,
// into Options.Dir. Close ends everything.
func Open(ctx context.Context, o Options) (*Rig, error) {
	c := cloud.New()
	r := &Rig{Root: o.Root, Suffix: cmp.Or(o.Suffix, DefaultSuffix), dir: o.Dir, Cloud: c, Repository: github.NewRepository(c, RepositoryName, Branch)}
	if err := r.openAccounts(o.Environments); err != nil {
		return nil, err
	}
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// openAccounts gives each environment an account: that of requirement S9, or
// one more.
func (r *Rig) openAccounts(environments promotion.Environments) (err error) {
	if len(environments) == 0 {
		if environments, err = platform.Environments(r.Root, ""); err != nil {
			return err
		}
	}
	accounts := settings.RehearsalAccounts()
	for i, env := range environments.Names() {
		if accounts[env] == "" {
			accounts[env] = fmt.Sprintf("4567890123%02d", i)
			r.Cloud.OpenAccount(accounts[env])
		}
	}
	r.Environments = environments.WithAccounts(accounts)
	return nil
}

func (r *Rig) start(ctx context.Context) error {
	if err := r.prepare(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("the local cloud can't listen on this machine: %w", err)
	}
	r.Endpoint = "http://" + listener.Addr().String()
	r.hosts = provider.NewHost(r.Cloud)
	if r.goEnv, err = goEnvironment(ctx); err != nil {
		return err
	}
	if err := loadSample(r.Root, r.Suffix, r.Repository); err != nil {
		return err
	}
	r.Services = services.New(r.Cloud, services.Options{
		Endpoint:  r.Endpoint,
		Providers: r.AttachProviders,
		Path:      []string{r.Tools(), filepath.Join(r.Root, "dist", "image"), r.goEnv.bin},
		WorkDir:   r.Path("builds"),
		Source:    r.Repository,
		Env:       r.BuildEnvironment(),
	})
	r.GitHub = github.New(r.Cloud, r.Repository, r.Services)
	for _, login := range []string{Person, Reviewer, Merger} {
		r.GitHub.Grant(login, github.Write)
	}
	api := awsapi.New(r.Cloud, r.Services)
	r.http = &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.http.Serve(listener) }() // ends with Close
	return nil
}

// prepare makes the folders, and the projects in the workspace.
func (r *Rig) prepare() error {
	for _, dir := range []string{r.Workspace(), r.Home(), r.Path("builds")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, p := range projects(r.Environments) {
		if err := r.placeProject(p); err != nil {
			return err
		}
	}
	return nil
}

// loadSample puts the sample workload into a repository, with the suffix of
// the rehearsed installation, as its README tells its users to.
func loadSample(root, suffix string, into *github.Repository) error {
	_, err := into.Load(SampleFolder(root), "Describe the sample workload", func(file string, text []byte) []byte {
		if isSettings, _ := path.Match("*/Pulumi.*.yaml", file); !isSettings {
			return text
		}
		return bytes.ReplaceAll(text, []byte(": "+DefaultSuffix+"\n"), []byte(": "+suffix+"\n"))
	})
	return err
}

// AttachProviders serves the providers to somebody's session. Its first result
// is the value of PULUMI_DEBUG_PROVIDERS.
func (r *Rig) AttachProviders(s *cloud.Session) (debugProviders string, stop func(), err error) {
	return r.hosts.Serve(s, nil)
}

// BuildEnvironment is what the CLI needs to compile programs with this
// machine's Go, and to wait for no network that it does not need.
func (r *Rig) BuildEnvironment() []string {
	return append(slices.Clone(r.goEnv.vars), "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true")
}

// Close ends every process and server of the rig.
func (r *Rig) Close() error {
	var errs []error
	if r.Services != nil {
		errs = append(errs, r.Services.Close())
	}
	if r.http != nil {
		errs = append(errs, r.http.Close())
	}
	return errors.Join(errs...)
}

// Path is a file or folder among those that the rehearsal writes.
func (r *Rig) Path(name string) string { return filepath.Join(r.dir, name) }

// Workspace is the folder of the projects, like the root of a clone.
func (r *Rig) Workspace() string { return r.Path("workspace") }

// Home is the home folder of the person at the keyboard.
func (r *Rig) Home() string { return r.Path("home") }

// Tools is the folder of the pinned CLI and language hosts.
func (r *Rig) Tools() string { return filepath.Join(r.Root, ".tools", "bin") }

// Names returns the names of an environment in the rehearsed installation.
func (r *Rig) Names(env naming.Environment) naming.Namer { return naming.New(env, r.Suffix) }

// Calls says how many calls were authorised, and which were denied and why.
func (r *Rig) Calls() (allowed int, denied []string) {
	allowed, refused := r.Cloud.Counts()
	for _, d := range refused {
		denied = append(denied, d.Error())
	}
	return allowed, denied
}

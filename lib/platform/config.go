package platform

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/pulumicli"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackrefs"
)

// Config says where the platform is and with what it is driven. Only Root,
// Suffix and Environment are needed; the rest is for the rehearsal and the
// tests.
type Config struct {
	// Root is the folder of the repository.
	Root string
	// Suffix is the environment suffix of the installation.
	Suffix string
	// Environment is of the child processes and the AWS clients.
	Environment Environment
	// Pulumi is the CLI; Root/.tools/bin/pulumi where empty.
	Pulumi string
	// Out gets the progress and the CLI's output.
	Out io.Writer
	// In answers the CLI's questions; nil asks none and agrees to everything.
	In io.Reader
	// ProjectDir returns the folder of a project such as "bootstrap" or
	// "environments/dev"; its folder under Root where nil.
	ProjectDir func(project string) string
	// Backend is the URL of the platform's state; the platform bucket where empty.
	Backend string
	// SecretsProvider encrypts the secrets in the platform's state; the
	// platform key where empty.
	SecretsProvider string
	// LocalDir holds bootstrap's state before the bucket exists and after it
	// is gone; Root/.bootstrap/Suffix where empty.
	LocalDir string
	// Environments are what is deployed to; those of Environments where empty.
	Environments promotion.Environments
	// Runner runs the CLI; as a child process where nil.
	Runner pulumicli.Runner
	// Storage looks at buckets; in S3 where nil.
	Storage Storage
}

// Platform drives one installation.
type Platform struct {
	Config
	names   naming.Namer
	clients *Clients
}

// New completes a Config with its defaults.
func New(c Config) (*Platform, error) {
	if err := naming.ValidSuffix(c.Suffix); err != nil {
		return nil, err
	}
	if c.Root == "" {
		return nil, errors.New("platform: Root is empty: expected the folder of the repository")
	}
	if len(c.Environment.vars) == 0 {
		return nil, errors.New("platform: Environment is empty: expected OwnEnvironment or RehearsalEnvironment")
	}
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return nil, err
	}
	c.Root = root
	p := &Platform{Config: c, names: naming.New(naming.Shared, c.Suffix), clients: NewClients(c.Environment)}
	p.clients.announce = func(who Caller) { p.say("account %s as %s", who.Account, who.ARN) }
	if p.Out == nil {
		p.Out = io.Discard
	}
	p.Pulumi = cmp.Or(p.Pulumi, filepath.Join(root, ".tools", "bin", "pulumi"))
	p.Backend = cmp.Or(p.Backend, fmt.Sprintf("s3://%s?region=%s", p.StateBucket(), settings.Region))
	p.SecretsProvider = cmp.Or(p.SecretsProvider, fmt.Sprintf("awskms://%s?region=%s", p.names.Of(naming.KeyAlias), settings.Region))
	p.LocalDir = cmp.Or(p.LocalDir, filepath.Join(root, ".bootstrap", c.Suffix))
	if p.ProjectDir == nil {
		p.ProjectDir = func(project string) string { return filepath.Join(root, filepath.FromSlash(project)) }
	}
	if len(p.Environments) == 0 {
		if p.Environments, err = environmentsIn(p.ProjectDir(bootstrapDir), c.Suffix); err != nil {
			return nil, err
		}
	}
	p.Environments = p.Environments.InOrder()
	if p.Storage == nil {
		p.Storage = p.clients.Storage()
	}
	return p, nil
}

// StateBucket is the name of the platform's state bucket.
func (p *Platform) StateBucket() string { return p.names.Of(naming.StateBucket) }

// say prints one line of progress.
func (p *Platform) say(format string, args ...any) {
	fmt.Fprintf(p.Out, "==> "+format+"\n", args...)
}

// Project is a Pulumi project of the platform with one of its stacks.
type Project struct {
	// Name is what users call it: bootstrap, shared, targets/dev, environments/dev.
	Name string
	// Dir is the project's folder below the root.
	Dir string
	// Stack is the name of the stack.
	Stack string
	// Pulumi is the project's name in its Pulumi.yaml.
	Pulumi string
}

// fullStack names the stack whatever the working directory.
func (p Project) fullStack() string { return "organization/" + p.Pulumi + "/" + p.Stack }

// Folders of projects below the root.
const (
	bootstrapDir = "bootstrap"
	targetsDir   = "targets"
	sharedDir    = "shared"

	environmentsDir = "environments"
)

// Projects returns every project in the order in which they are deployed.
func (p *Platform) Projects() []Project {
	all := []Project{{bootstrapDir, bootstrapDir, p.Suffix, stackrefs.BootstrapProject}}
	for _, env := range p.Environments.Names() {
		all = append(all, Project{targetsDir + "/" + string(env), targetsDir, string(env), stackrefs.TargetsProject})
	}
	all = append(all, Project{sharedDir, sharedDir, p.Suffix, stackrefs.SharedProject})
	for _, env := range p.Environments.Names() {
		dir := environmentsDir + "/" + string(env)
		all = append(all, Project{dir, dir, p.Suffix, stackrefs.EnvironmentProject(env)})
	}
	return all
}

// Select finds the projects that a user names: one, or all of "targets" or
// "environments".
func (p *Platform) Select(name string) ([]Project, error) {
	name = strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(name), "./"), "/")
	var found []Project
	var names []string
	for _, project := range p.Projects() {
		if project.Name == name || strings.HasPrefix(project.Name, name+"/") && name != "" {
			found = append(found, project)
		}
		names = append(names, project.Name)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("project %q is unknown: expected one of %s; for instance: make up PROJECT=environments/dev", name, strings.Join(names, ", "))
	}
	return found, nil
}

// FindSuffix returns the suffix of the only installation that is configured
// under root. It is asked when the user gives none.
func FindSuffix(root string) (string, error) {
	suffixes, err := Suffixes(root)
	if err != nil {
		return "", err
	}
	switch len(suffixes) {
	case 0:
		return "", errors.New("no installation is configured: run: make configure")
	case 1:
		return suffixes[0], nil
	}
	return "", fmt.Errorf("several installations are configured (%s): choose one with SUFFIX=%s", strings.Join(suffixes, ", "), suffixes[0])
}

package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"delivery.internal/lib/pulumicli"
)

// The program under review runs in a language host, which the CLI starts with
// its own environment. The CLI needs credentials for the state and its key;
// the program needs none. So the binary that drives the CLI stands in for
// every language host: it is found first on the CLI's PATH under the host's
// name, and becomes the real host with a cleaned environment.
//
// The program still runs as the user of the build, who can read the CLI's
// environment in /proc.

// hostPrefix begins the names of language hosts.
const hostPrefix = "pulumi-language-"

// runtimes are those that Pulumi has hosts for. One that is missing here and
// is not on the PATH either can't be started at all.
var runtimes = []string{"bun", "dotnet", "go", "hcl", "java", "nodejs", "pcl", "python", "python-exec", "yaml"}

// RunHost turns this process into a language host if it was started under the
// name of one, and returns if it was not. Binaries that drive the CLI call it
// before anything else.
func RunHost() {
	if !strings.HasPrefix(filepath.Base(os.Args[0]), hostPrefix) {
		return
	}
	fmt.Fprintln(os.Stderr, "error:", becomeHost(os.Args, os.Environ()))
	os.Exit(1)
}

// becomeHost returns only if the host can't be started.
func becomeHost(args, env []string) error {
	dir, name := filepath.Split(args[0])
	if !filepath.IsAbs(dir) {
		// Without the folder to leave out, the search would find this binary.
		return fmt.Errorf("%s was started without its folder: expected an absolute path, as the CLI gives it", args[0])
	}
	env = hostEnvironment(env, filepath.Clean(dir))
	host, err := findHost(name, env)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s can't be started: %w", host, syscall.Exec(host, append([]string{host}, args[1:]...), env))
}

// hostEnvironment is the cleaned environment, with a PATH that leads past the
// wrappers. Credentials of AWS in all their forms, the backend, and what
// CodeBuild and the pipeline say stay out.
func hostEnvironment(env []string, wrappers string) []string {
	var out []string
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if name == "PATH" {
			dirs := slices.DeleteFunc(filepath.SplitList(value), func(dir string) bool { return filepath.Clean(dir) == wrappers })
			kv = "PATH=" + strings.Join(dirs, string(os.PathListSeparator))
		}
		if slices.Contains(pulumicli.ProgramVariables, name) {
			out = append(out, kv)
		}
	}
	return out
}

// findHost finds a host on the PATH of an environment.
func findHost(name string, env []string) (string, error) {
	for _, dir := range filepath.SplitList(variable(env, "PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("runtime %s can't be used: its language host %s is not on the PATH; expected one of: %s",
		strings.TrimPrefix(name, hostPrefix), name, strings.Join(availableRuntimes(env), ", "))
}

// variable is the value of a variable; the last one counts, as for exec.
func variable(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// availableRuntimes are those whose hosts are on the PATH.
func availableRuntimes(env []string) []string {
	var out []string
	for _, dir := range filepath.SplitList(variable(env, "PATH")) {
		found, _ := filepath.Glob(filepath.Join(dir, hostPrefix+"*")) // a folder that can't be read has no hosts
		for _, path := range found {
			out = append(out, strings.TrimPrefix(filepath.Base(path), hostPrefix))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// NewHosts makes a folder in which this binary stands in for every language
// host, to be the first one on the CLI's PATH. env is the CLI's environment.
func NewHosts(env []string) (dir string, remove func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("the deployer can't find itself to stand in for the language hosts: %w", err)
	}
	if dir, err = os.MkdirTemp("", "delivery-hosts-"); err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // a leftover in the temporary folder harms nobody
	var errs []error
	all := slices.Concat(runtimes, availableRuntimes(env))
	slices.Sort(all)
	for _, runtime := range slices.Compact(all) {
		errs = append(errs, os.Symlink(self, filepath.Join(dir, hostPrefix+runtime)))
	}
	if err := errors.Join(errs...); err != nil {
		remove()
		return "", nil, fmt.Errorf("the language hosts can't be wrapped: %w", err)
	}
	return dir, remove, nil
}

// checkHost refuses a stack whose program can't be started, or not by us.
func (c *CLI) checkHost(s Stack) error {
	if c.Hosts == "" {
		return errors.New("the language hosts are not wrapped: the program would run with the credentials of the build")
	}
	_, err := findHost(hostPrefix+s.Runtime, c.Env)
	return err
}

// runtimeName is the runtime of a project: a name, or a map with one.
type runtimeName string

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *runtimeName) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*r = runtimeName(node.Value)
		return nil
	}
	var long struct {
		Name string `yaml:"name"`
	}
	err := node.Decode(&long)
	*r = runtimeName(long.Name)
	return err
}

var runtimePattern = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// checkRuntime refuses a project that does not say in which host it runs, and
// one that brings a host or another plugin along: the CLI would start it as
// its own, with the credentials of the build.
func (p projectFile) checkRuntime() error {
	switch {
	case !runtimePattern.MatchString(string(p.Runtime)):
		return fmt.Errorf("runtime is %q: expected the name of a language host, such as go or yaml", string(p.Runtime))
	case p.Plugins != nil:
		return errors.New("plugins is set: remove it, a plugin from the repository would run with the credentials of the build")
	}
	return nil
}

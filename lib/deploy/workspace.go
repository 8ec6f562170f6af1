package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Stack is one entry of the manifest in one environment, ready to run.
type Stack struct {
	// Name is the entry's name.
	Name string
	// Project is the project's name in Pulumi.yaml.
	Project string
	// Environment is the stack's name within the project.
	Environment string
	// Runtime is the language host that the project names.
	Runtime string
	// Dir holds Pulumi.yaml, in the working copy.
	Dir string
	// Remove says that the stack is to be destroyed.
	Remove bool
	// Config is the stack's settings file in the working copy.
	Config string
	// ConfigDigest covers the settings that the run will use.
	ConfigDigest string
}

// FullName is the stack's name in the backend.
func (s Stack) FullName() string { return "organization/" + s.Project + "/" + s.Environment }

// workspace is a private copy of the repository, because the stacks' settings
// files are completed in it: the checked-out source is an artifact and must
// not change under the reviewer.
type workspace struct {
	dir    string
	stacks map[string]Stack
}

// open copies the repository and completes the settings of every stack.
func open(source string, m Manifest, s Settings) (*workspace, func(), error) {
	dir, err := os.MkdirTemp("", "delivery-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) } // a leftover in the temporary folder harms nobody
	w := &workspace{dir: dir, stacks: map[string]Stack{}}
	if err := copyTree(source, dir); err != nil {
		remove()
		return nil, nil, fmt.Errorf("the source %s can't be copied: %w", source, err)
	}
	var errs []error
	for _, e := range m.Stacks {
		stack, err := w.stack(e, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("stack %q: %w", e.Name, err))
			continue
		}
		for _, other := range w.stacks {
			if other.Project == stack.Project {
				errs = append(errs, fmt.Errorf("stacks %q and %q are both of project %q: a project is one stack in an environment", other.Name, e.Name, stack.Project))
			}
		}
		w.stacks[e.Name] = stack
	}
	if err := errors.Join(errs...); err != nil {
		remove()
		return nil, nil, err
	}
	return w, remove, nil
}

// skipped are folders at any depth that a program can't need from the source:
// history, and what an earlier run left.
var skipped = map[string]bool{".git": true, ".delivery": true}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir() && skipped[d.Name()]:
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file, a folder nor a link", rel)
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

type projectFile struct {
	Name      string      `yaml:"name"`
	Runtime   runtimeName `yaml:"runtime"`
	ConfigDir string      `yaml:"stackConfigDir"`
	Plugins   any         `yaml:"plugins"`
}

func (w *workspace) stack(e Entry, s Settings) (Stack, error) {
	dir := filepath.Join(w.dir, e.Path)
	text, err := os.ReadFile(filepath.Join(dir, "Pulumi.yaml"))
	if err != nil {
		return Stack{}, fmt.Errorf("%s/Pulumi.yaml can't be read: expected a Pulumi project at the path in %s", e.Path, ManifestName)
	}
	var p projectFile
	if err := yaml.Unmarshal(text, &p); err != nil || p.Name == "" {
		return Stack{}, fmt.Errorf("%s/Pulumi.yaml has no readable name: expected the keys name and runtime", e.Path)
	}
	if err := p.checkRuntime(); err != nil {
		return Stack{}, fmt.Errorf("%s/Pulumi.yaml: %w", e.Path, err)
	}
	if p.ConfigDir != "" && !filepath.IsLocal(p.ConfigDir) {
		return Stack{}, fmt.Errorf("stackConfigDir %q leaves the project: expected a folder inside it", p.ConfigDir)
	}
	out := Stack{Name: e.Name, Project: p.Name, Environment: s.Environment, Runtime: string(p.Runtime), Dir: dir, Remove: e.Remove}
	out.Config = filepath.Join(dir, p.ConfigDir, "Pulumi."+s.Environment+".yaml")
	own, err := os.ReadFile(out.Config)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Stack{}, err
	}
	full, err := complete(own, s)
	if err != nil {
		return Stack{}, fmt.Errorf("file Pulumi.%s.yaml: %w", s.Environment, err)
	}
	if out.ConfigDigest, err = configDigest(own, text, s); err != nil {
		return Stack{}, err
	}
	if err := os.MkdirAll(filepath.Dir(out.Config), 0o755); err != nil {
		return Stack{}, err
	}
	return out, os.WriteFile(out.Config, full, 0o600)
}

// credentialKeys are settings of the provider that would reach around the role
// that the pipeline assumes.
var credentialKeys = []string{"accessKey", "secretKey", "token", "profile", assumeRole, "assumeRoles", "assumeRoleWithWebIdentity", "sharedConfigFiles", "sharedCredentialsFiles"}

// complete adds to a stack's settings file what the pipeline decides: region,
// account and the role to assume. Files that decide these themselves are refused.
func complete(own []byte, s Settings) ([]byte, error) {
	file, config, err := parseConfig(own)
	if err != nil {
		return nil, err
	}
	for _, k := range credentialKeys {
		if _, set := config["aws:"+k]; set {
			return nil, fmt.Errorf("aws:%s is set: remove it, the pipeline hands the provider its credentials", k)
		}
	}
	if r, set := config["aws:region"]; set && r != s.Region {
		return nil, fmt.Errorf("aws:region is %v: remove it or set %s, the region that the pipeline deploys to", r, s.Region)
	}
	if p, _ := file["secretsprovider"].(string); p != "" && p != s.SecretsProvider() {
		return nil, fmt.Errorf("secretsprovider is %q: remove it together with encryptedkey, the environment's key is used", p)
	}
	config["aws:region"] = s.Region
	config["aws:allowedAccountIds"] = []string{s.Account}
	config["aws:"+assumeRole] = map[string]string{"roleArn": s.Role, "externalId": s.ExternalID, "sessionName": s.SessionName()}
	file["config"] = config
	return yaml.Marshal(file)
}

func parseConfig(text []byte) (file, config map[string]any, err error) {
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, nil, fmt.Errorf("not readable: %w", err)
	}
	if file == nil {
		file = map[string]any{}
	}
	switch c := file["config"].(type) {
	case nil:
		return file, map[string]any{}, nil
	case map[string]any:
		return file, c, nil
	}
	return nil, nil, fmt.Errorf("config is not a map: expected project:key: value")
}

// withSecrets puts a stack's data key, which its state records, into its
// settings file. Without it the CLI makes a new data key on every run, and a
// plan of one run can't be opened by the next (measured).
func withSecrets(file string, s Secrets) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	doc, _, err := parseConfig(text)
	if err != nil {
		return err
	}
	doc["secretsprovider"], doc["encryptedkey"] = s.URL, s.EncryptedKey
	if text, err = yaml.Marshal(doc); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// configDigest covers what a review took for granted: the stack's own
// settings, its project file, and where the pipeline deploys to. The role and
// session are left out: they differ between preview and deploy by design.
func configDigest(own, project []byte, s Settings) (string, error) {
	return digestOf(map[string]string{
		"settings": textDigest(own), "project": textDigest(project),
		"environment": s.Environment, "account": s.Account, "region": s.Region,
		"state": s.StateBucket, "key": s.SecretsKey, "externalId": s.ExternalID,
	})
}

func textDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// byProject finds the stack that a StackReference names, if it is one of ours.
func (w *workspace) byProject(reference string) (string, bool) {
	parts := strings.Split(reference, "/")
	for name, s := range w.stacks {
		if len(parts) == 3 && parts[1] == s.Project && parts[2] == s.Environment {
			return name, true
		}
	}
	return "", false
}

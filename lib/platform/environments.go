package platform

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

// environmentsKey is the list of environments in a stack file of bootstrap.
const environmentsKey = "bootstrap:" + settings.EnvironmentsKey

// Environments returns the environments of an installation, as the stack file
// of bootstrap lists them; those of a new one where it lists none.
func Environments(root, suffix string) (promotion.Environments, error) {
	return environmentsIn(filepath.Join(root, bootstrapDir), suffix)
}

func environmentsIn(dir, suffix string) (promotion.Environments, error) {
	if naming.ValidSuffix(suffix) == nil {
		f, err := openStackFile(filepath.Join(dir, "Pulumi."+suffix+".yaml"))
		if err != nil {
			return nil, err
		}
		if all, err := f.environments(get(f.config(), environmentsKey)); err != nil || len(all) > 0 {
			return all, err
		}
	}
	f, err := openStackFile(filepath.Join(dir, projectFileName))
	if err != nil {
		return nil, err
	}
	all, err := f.environments(get(get(f.config(), settings.EnvironmentsKey), defaultKey))
	if err == nil && len(all) == 0 {
		all = promotion.Default()
	}
	return all, err
}

// Where bootstrap's project file has the environments of a new installation.
const (
	projectFileName = "Pulumi.yaml"
	defaultKey      = "default"
)

// environments reads a list of environments. A key that is misspelt is refused:
// it would be taken for one that is left out.
func (f *stackFile) environments(list *yaml.Node) (promotion.Environments, error) {
	if list == nil {
		return nil, nil
	}
	text, err := yaml.Marshal(list)
	if err != nil {
		return nil, err
	}
	var all promotion.Environments
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("%s: the list of environments can't be read (%w): expected for each name and account, and where they apply approval, follows, imageFrom and mode", f.path, err)
	}
	return all, nil
}

// setEnvironments writes the list, where it differs.
func (c *Configuration) setEnvironments(f *stackFile, all promotion.Environments) error {
	before, err := f.environments(get(f.config(), environmentsKey))
	if err != nil {
		return err
	}
	old := entries(before)
	changed := len(before) != len(all)
	for i, e := range entries(all) {
		for j, kv := range e {
			was := ""
			if i < len(old) {
				was = old[i][j].value
			}
			if was == kv.value {
				continue
			}
			changed = true
			if err := c.noteChange(f, fmt.Sprintf("%s[%d].%s", environmentsKey, i, kv.key), was, kv.value); err != nil {
				return err
			}
		}
	}
	if !changed {
		return nil
	}
	return f.set(environmentsKey, all)
}

// entries are the keys and values of each environment, always in one order.
func entries(all promotion.Environments) [][]struct{ key, value string } {
	var out [][]struct{ key, value string }
	for _, e := range all {
		approval := ""
		if e.Approval {
			approval = "true"
		}
		out = append(out, []struct{ key, value string }{
			{"name", string(e.Name)}, {"account", string(e.Account)}, {"mode", string(e.Mode)}, {"approval", approval},
			{"follows", string(e.Follows)}, {"imageFrom", string(e.ImageFrom)},
		})
	}
	return out
}

// NewEnvironment is an environment to add to the repository, and to the
// installations that are configured.
type NewEnvironment struct {
	promotion.Environment
	// Root is the folder of the repository.
	Root string
}

// Add makes the environment's project, and lists it among the environments of
// new installations and of those that are configured. It returns the files
// that it has written. Nothing is deployed.
func (n NewEnvironment) Add() ([]string, error) {
	lists, err := n.lists()
	if err != nil {
		return nil, err
	}
	files, err := n.newFiles(lists[0].environments.Names())
	if err != nil {
		return nil, err
	}
	// Everything that can be refused is refused before anything is written.
	stackFiles, err := n.addTo(lists)
	if err != nil {
		return nil, err
	}
	var written []string
	for _, f := range files {
		if err := writeNew(f); err != nil {
			return written, err
		}
		written = append(written, f.path)
	}
	for _, f := range stackFiles {
		written = append(written, f.path)
	}
	return written, saveAll(stackFiles...)
}

// newFile is a file that does not exist yet.
type newFile struct {
	path string
	text []byte
}

func writeNew(f newFile) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.path, f.text, 0o644)
}

// listed is a list of environments; the suffix of its installation is "" for
// that of new ones.
type listed struct {
	suffix       string
	environments promotion.Environments
}

// lists returns the lists that the environment is to be added to: that of new
// installations first. What can't be added to one of them is refused.
func (n NewEnvironment) lists() ([]listed, error) {
	suffixes, err := Suffixes(n.Root)
	if err != nil {
		return nil, err
	}
	var lists []listed
	for _, suffix := range append([]string{""}, suffixes...) {
		all, err := Environments(n.Root, suffix)
		if err != nil {
			return nil, err
		}
		if err := n.checkFits(all); err != nil {
			return nil, err
		}
		lists = append(lists, listed{suffix, all})
	}
	return lists, nil
}

// checkFits refuses an environment that would make a list unusable. The accounts
// belong to the installations: make configure asks for them.
func (n NewEnvironment) checkFits(all promotion.Environments) error {
	if _, exists := all.Find(n.Name); exists {
		return fmt.Errorf("environment %s exists already: expected another NAME", n.Name)
	}
	all = append(all[:len(all):len(all)], n.Environment)
	for i := range all {
		all[i].Account = "000000000000"
	}
	variables := map[string]string{"name": "NAME", "follows": "FOLLOWS", "imageFrom": "IMAGE_FROM", "mode": "MODE"}
	var errs []error
	for _, p := range all.Problems(true) {
		key := p.Key[strings.LastIndex(p.Key, ".")+1:]
		errs = append(errs, unusable(variables[key], p.Value, p.Expected, "set it with "+variables[key]+"="+p.Example))
	}
	return errors.Join(errs...)
}

// newFiles are the project's, which differ from a neighbour's in the name
// alone, and the settings of the sample's stacks.
func (n NewEnvironment) newFiles(neighbours []naming.Environment) ([]newFile, error) {
	neighbour := string(neighbours[0])
	from, to := filepath.Join(n.Root, environmentsDir, neighbour), filepath.Join(n.Root, environmentsDir, string(n.Name))
	if _, err := os.Stat(to); err == nil {
		return nil, fmt.Errorf("%s exists already, though no list of environments has it: remove the folder first", to)
	}
	files := []newFile{{filepath.Join(to, projectFileName), fmt.Appendf(nil, "name: environment-%s\ndescription: Pipeline of %s - %s\nruntime: go\n", n.Name, n.Name, n.describe())}}
	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return nil, err
		}
		module := "/" + environmentsDir + "/"
		files = append(files, newFile{filepath.Join(to, name), bytes.ReplaceAll(text, []byte(module+neighbour+"\n"), []byte(module+string(n.Name)+"\n"))})
	}
	samples, err := filepath.Glob(filepath.Join(n.Root, "examples", "infrastructure", "*", "Pulumi."+neighbour+".yaml"))
	if err != nil {
		return nil, err
	}
	for _, sample := range samples {
		text, err := os.ReadFile(sample)
		if err != nil {
			return nil, err
		}
		files = append(files, newFile{filepath.Join(filepath.Dir(sample), "Pulumi."+string(n.Name)+".yaml"), text})
	}
	return files, nil
}

// describe is what a list of projects shows.
func (n NewEnvironment) describe() string {
	what, how := "pushes", "previewed and deployed at once"
	if n.Follows != "" {
		what = "commits that " + string(n.Follows) + " has deployed"
	}
	if n.Approval {
		how = "previewed, approved and deployed"
	}
	return what + " are " + how
}

// addTo adds the environment to bootstrap's project file and stack files, which
// are not written yet.
func (n NewEnvironment) addTo(lists []listed) ([]*stackFile, error) {
	var files []*stackFile
	for _, l := range lists {
		add := n.addToInstallation
		if l.suffix == "" {
			add = n.addToDefault
		}
		f, err := add(filepath.Join(n.Root, bootstrapDir), l)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func (n NewEnvironment) addToDefault(dir string, l listed) (*stackFile, error) {
	f, err := openStackFile(filepath.Join(dir, projectFileName))
	if err != nil {
		return nil, err
	}
	key := get(f.config(), settings.EnvironmentsKey)
	if get(key, defaultKey) == nil {
		return nil, fmt.Errorf("%s: config.%s has no %s: expected a list to add the environment to", f.path, settings.EnvironmentsKey, defaultKey)
	}
	plain := n.Environment
	plain.Account = "" // a new installation has accounts of its own
	return f, f.setIn(key, defaultKey, append(l.environments, plain))
}

func (n NewEnvironment) addToInstallation(dir string, l listed) (*stackFile, error) {
	f, err := openStackFile(filepath.Join(dir, "Pulumi."+l.suffix+".yaml"))
	if err != nil {
		return nil, err
	}
	return f, f.set(environmentsKey, append(l.environments, n.Environment))
}

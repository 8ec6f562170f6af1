package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// ManifestName is the file at the root of an infrastructure repository that
// lists its stacks.
const ManifestName = "delivery.yaml"

// Manifest is the content of delivery.yaml.
type Manifest struct {
	// Stacks are deployed in the order of their dependencies.
	Stacks []Entry `yaml:"stacks"`
}

// Entry is one stack of the manifest: a Pulumi project, deployed once per
// environment.
type Entry struct {
	// Name is unique in the manifest and names the stack in messages.
	Name string `yaml:"name"`
	// Path is the folder with Pulumi.yaml, relative to the manifest.
	Path string `yaml:"path"`
	// DependsOn names stacks that are deployed first.
	DependsOn []string `yaml:"dependsOn"`
	// Remove says that the stack's resources are to be destroyed.
	Remove bool `yaml:"remove"`
}

var entryName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// ReadManifest reads and checks the manifest of a repository.
func ReadManifest(source string) (Manifest, error) {
	text, err := os.ReadFile(filepath.Join(source, ManifestName))
	if errors.Is(err, os.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%s is missing at the root of the repository: add it and list the stacks there, each with name and path", ManifestName)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%s can't be read: %w", ManifestName, err)
	}
	return ParseManifest(text)
}

// ParseManifest reads a manifest strictly: unknown keys, duplicates, unknown
// references and cycles are refused, each with one sentence.
func ParseManifest(text []byte) (Manifest, error) {
	var m Manifest
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return Manifest{}, fmt.Errorf("%s is not readable (%w): expected stacks with name, path, dependsOn and remove", ManifestName, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Manifest{}, fmt.Errorf("%s holds more than one document: expected one", ManifestName)
	}
	if err := m.check(); err != nil {
		return Manifest{}, err
	}
	_, err := waves(m.edges(nil))
	return m, err
}

func (m Manifest) check() error {
	if len(m.Stacks) == 0 {
		return fmt.Errorf("%s lists no stack: expected at least one under stacks", ManifestName)
	}
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(ManifestName+": "+format, args...))
	}
	names, paths := map[string]bool{}, map[string]string{}
	for _, e := range m.Stacks {
		if !entryName.MatchString(e.Name) {
			fail("stack name %q is not usable: expected lower-case letters, digits and hyphens, beginning with a letter", e.Name)
		}
		if names[e.Name] {
			fail("stack name %q is used twice: names must be unique", e.Name)
		}
		names[e.Name] = true
		path := filepath.Clean(e.Path)
		switch other, twice := paths[path]; {
		case e.Path == "":
			fail("stack %q has no path: expected the folder that holds its Pulumi.yaml", e.Name)
		case !filepath.IsLocal(e.Path):
			fail("path %q of stack %q leaves the repository: expected a folder inside it", e.Path, e.Name)
		case twice:
			fail("stacks %q and %q have the same path %q: a project is one stack in an environment", other, e.Name, e.Path)
		}
		paths[path] = e.Name
	}
	removed := map[string]bool{}
	for _, e := range m.Stacks {
		removed[e.Name] = e.Remove
	}
	for _, e := range m.Stacks {
		for i, d := range e.DependsOn {
			switch {
			case !names[d]:
				fail("stack %q depends on %q, which is not listed: correct the name or list it", e.Name, d)
			case slices.Contains(e.DependsOn[:i], d):
				fail("stack %q depends on %q twice: list it once", e.Name, d)
			case removed[d] && !e.Remove:
				fail("stack %q depends on %q, which is to be removed: remove both or drop the dependency", e.Name, d)
			}
		}
	}
	return errors.Join(errs...)
}

// edges maps every stack to those it needs: the manifest's and the found ones.
func (m Manifest) edges(found map[string][]string) map[string][]string {
	out := map[string][]string{}
	for _, e := range m.Stacks {
		needs := slices.Concat(e.DependsOn, found[e.Name])
		slices.Sort(needs)
		out[e.Name] = slices.Compact(needs)
	}
	return out
}

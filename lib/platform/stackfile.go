package platform

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// stackFile is a Pulumi.STACK.yaml, edited in place so that comments and keys
// that are not ours survive.
type stackFile struct {
	path string
	doc  yaml.Node
}

// openStackFile reads a stack file; a missing one is empty.
func openStackFile(path string) (*stackFile, error) {
	f := &stackFile{path: path}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := yaml.Unmarshal(text, &f.doc); err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", path, err)
	}
	if f.doc.Kind == 0 {
		f.doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if f.root().Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is not a stack file: expected a mapping with the key \"config\"", path)
	}
	return f, nil
}

func (f *stackFile) root() *yaml.Node { return f.doc.Content[0] }

// get returns the value of a key of a mapping, nil where it is missing.
func get(m *yaml.Node, key string) *yaml.Node {
	if m == nil {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

func drop(m *yaml.Node, key string) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content = slices.Delete(m.Content, i, i+2)
			return
		}
	}
}

// set sets a config key to a string or a list of strings.
func (f *stackFile) set(key string, value any) error {
	var v yaml.Node
	if err := v.Encode(value); err != nil {
		return err
	}
	config := get(f.root(), "config")
	if config == nil || config.Kind != yaml.MappingNode {
		drop(f.root(), "config")
		config = &yaml.Node{Kind: yaml.MappingNode}
		f.root().Content = append(f.root().Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "config"}, config)
	}
	if old := get(config, key); old != nil {
		*old = v
		return nil
	}
	config.Content = append(config.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &v)
	return nil
}

// text returns a config key that is a plain string, "" for anything else.
func (f *stackFile) text(key string) string {
	if v := get(get(f.root(), "config"), key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

func (f *stackFile) save() error {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&f.doc); err != nil {
		return err
	}
	if len(f.root().Content) == 0 {
		out.Reset()
		out.WriteString("config: {}\n")
	}
	// Written aside and renamed, so that an interruption leaves a whole file.
	temp := filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".new")
	if err := os.WriteFile(temp, out.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, f.path)
}

// dropDeadKey removes the encrypted data key of a stack that does not exist
// any more: the KMS key that could decrypt it may be gone, and the CLI would
// keep it for a new stack. Encrypted values go with it, for they can't be read
// either.
func (p *Platform) dropDeadKey(project Project) error {
	f, err := openStackFile(p.stackPath(project))
	if err != nil {
		return err
	}
	changed := false
	for _, key := range []string{"secretsprovider", "encryptedkey", "encryptionsalt"} {
		if get(f.root(), key) != nil {
			drop(f.root(), key)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	for _, key := range dropSecrets(get(f.root(), "config")) {
		p.say("the secret %s of %s went with its key: set it again for a new installation", key, project.Name)
	}
	return f.save()
}

// dropSecrets removes the encrypted values of a mapping and returns their keys.
func dropSecrets(config *yaml.Node) []string {
	if config == nil {
		return nil
	}
	var dropped []string
	for i := len(config.Content) - 2; i >= 0; i -= 2 {
		if get(config.Content[i+1], "secure") != nil {
			dropped = append(dropped, config.Content[i].Value)
			config.Content = slices.Delete(config.Content, i, i+2)
		}
	}
	return dropped
}

package platform

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// stackFile is a Pulumi.STACK.yaml, edited line by line: what is not changed
// stays byte for byte, with its comments, quotes and empty lines.
type stackFile struct {
	path  string
	isNew bool
	text  string // as it is on the disk
	lines []string
	root  *yaml.Node
}

// openStackFile reads a stack file; a missing one is empty.
func openStackFile(path string) (*stackFile, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f := &stackFile{path: path, isNew: err != nil, text: string(text)}
	return f, f.parse(slices.Collect(strings.Lines(f.text)))
}

// parse takes lines as the new content.
func (f *stackFile) parse(lines []string) error {
	if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
		lines[n-1] += "\n"
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(strings.Join(lines, "")), &doc); err != nil {
		return fmt.Errorf("%s can't be read: %w", f.path, err)
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	if doc.Kind != 0 {
		root = doc.Content[0]
	}
	if root.Kind != yaml.MappingNode || root.Style&yaml.FlowStyle != 0 {
		return fmt.Errorf("%s is not a stack file: expected a mapping with the key \"config\", a key a line", f.path)
	}
	f.lines, f.root = lines, root
	return nil
}

// get returns the value of a key of a mapping, nil where it is missing.
func get(m *yaml.Node, key string) *yaml.Node {
	_, value := entry(m, key)
	return value
}

// entry returns a key of a mapping and its value, nil where it is missing.
func entry(m *yaml.Node, key string) (*yaml.Node, *yaml.Node) {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i], m.Content[i+1]
		}
	}
	return nil, nil
}

const configKey = "config"

func (f *stackFile) config() *yaml.Node { return get(f.root, configKey) }

// textOf returns a config key that is a plain string, "" for anything else.
func (f *stackFile) textOf(key string) string {
	if v := get(f.config(), key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

// list returns a config key that is a list of plain strings, nil for anything
// else.
func (f *stackFile) list(key string) []string {
	var out []string
	if v := get(f.config(), key); v == nil || v.Kind != yaml.SequenceNode || v.Decode(&out) != nil {
		return nil
	}
	return out
}

// set sets a config key to a string, a list of strings or the environments.
func (f *stackFile) set(key string, value any) error {
	if err := f.openConfig(); err != nil {
		return err
	}
	return f.setIn(f.config(), key, value)
}

// setIn sets a key of a mapping of the file.
func (f *stackFile) setIn(config *yaml.Node, key string, value any) error {
	indent := 2
	if len(config.Content) > 0 {
		indent = config.Content[0].Column - 1
	}
	k, old := entry(config, key)
	comment := ""
	if old != nil {
		comment = cmp.Or(old.LineComment, k.LineComment)
	}
	added, err := renderEntry(key, value, indent, comment)
	if err != nil {
		return err
	}
	start, end := 0, 0
	switch {
	case old != nil:
		start, end = f.extentOf(k)
	case len(config.Content) > 0:
		_, start = f.extentOf(config.Content[len(config.Content)-2])
		end = start
	default:
		k, _ := entry(f.root, configKey)
		start, end = k.Line, k.Line
	}
	return f.parse(slices.Replace(slices.Clone(f.lines), start, end, added...))
}

// openConfig makes sure that there is a mapping "config" with a key a line.
func (f *stackFile) openConfig() error {
	k, config := entry(f.root, configKey)
	lines := slices.Clone(f.lines)
	switch {
	case k == nil:
		lines = append(lines, configKey+":\n")
	case config.Kind == yaml.MappingNode && config.Style&yaml.FlowStyle == 0 && len(config.Content) > 0:
		return nil
	case config.Kind == yaml.ScalarNode && config.Tag == "!!null", config.Kind == yaml.MappingNode && len(config.Content) == 0:
		lines[k.Line-1] = configKey + ":\n"
	default:
		return fmt.Errorf("%s can't be edited: expected the key \"config\" with a key a line below it", f.path)
	}
	if err := f.parse(lines); err != nil {
		return err
	}
	_, config = entry(f.root, configKey)
	config.Kind = yaml.MappingNode // nothing is in it yet
	return nil
}

// renderEntry returns the lines of a key, with the comment of its first line.
func renderEntry(key string, value any, indent int, comment string) ([]string, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(map[string]any{key: value}); err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Repeat(" ", indent)+line)
	}
	if comment != "" {
		lines[0] = strings.TrimSuffix(lines[0], "\n") + " " + comment + "\n"
	}
	return lines, nil
}

// extentOf returns the lines of a key with its value: those below it that are
// indented deeper, and the items of a list, which need not be.
func (f *stackFile) extentOf(key *yaml.Node) (start, end int) {
	start, end = key.Line-1, key.Line
	for i := end; i < len(f.lines); i++ {
		line := strings.TrimRight(f.lines[i], " \r\n")
		depth := len(line) - len(strings.TrimLeft(line, " "))
		item := depth == key.Column-1 && (line[depth:] == "-" || strings.HasPrefix(line[depth:], "- "))
		switch {
		case line == "": // of the value only if it goes on
		case depth >= key.Column || item:
			end = i + 1
		default:
			return start, end
		}
	}
	return start, end
}

// dropKey removes a key from a mapping of the file, if it is there.
func (f *stackFile) dropKey(m func() *yaml.Node, key string) (bool, error) {
	k, _ := entry(m(), key)
	if k == nil {
		return false, nil
	}
	start, end := f.extentOf(k)
	if err := f.parse(slices.Delete(slices.Clone(f.lines), start, end)); err != nil {
		return true, err
	}
	if k, config := entry(f.root, configKey); k != nil && config.Tag == "!!null" {
		lines := slices.Clone(f.lines)
		lines[k.Line-1] = configKey + ": {}\n"
		return true, f.parse(lines)
	}
	return true, nil
}

// unsetValue removes a config key.
func (f *stackFile) unsetValue(key string) error {
	_, err := f.dropKey(f.config, key)
	return err
}

// content is what save writes.
func (f *stackFile) content() string {
	if len(f.root.Content) == 0 {
		return strings.Join(f.lines, "") + configKey + ": {}\n"
	}
	return strings.Join(f.lines, "")
}

// saveAll writes the files that changed. All are written aside before the
// first is renamed, so that an interruption leaves whole files, and an error
// leaves everything as it was.
func saveAll(files ...*stackFile) (err error) {
	var changed []*stackFile
	defer func() {
		for _, f := range changed {
			if err != nil {
				_ = os.Remove(f.asidePath()) // it may be renamed already
			}
		}
	}()
	for _, f := range files {
		if !f.isNew && f.content() == f.text {
			continue
		}
		changed = append(changed, f)
		if err := os.WriteFile(f.asidePath(), []byte(f.content()), 0o644); err != nil {
			return err
		}
	}
	for _, f := range changed {
		if err := os.Rename(f.asidePath(), f.path); err != nil {
			return err
		}
	}
	return nil
}

func (f *stackFile) asidePath() string {
	return filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".new")
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
		dropped, err := f.dropKey(func() *yaml.Node { return f.root }, key)
		if err != nil {
			return err
		}
		changed = changed || dropped
	}
	if !changed {
		return nil
	}
	for _, key := range secrets(f.config()) {
		p.say("the secret %s of %s went with its key: set it again for a new installation", key, project.Name)
		if err := f.unsetValue(key); err != nil {
			return err
		}
	}
	return saveAll(f)
}

// secrets returns the keys of the encrypted values of a mapping.
func secrets(config *yaml.Node) []string {
	var keys []string
	if config == nil || config.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(config.Content); i += 2 {
		if get(config.Content[i+1], "secure") != nil {
			keys = append(keys, config.Content[i].Value)
		}
	}
	return keys
}

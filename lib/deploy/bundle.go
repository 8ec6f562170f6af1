package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"delivery/lib/delivery"
)

// Files of a bundle.
const (
	bundleFile  = "bundle.json"
	summaryFile = "summary.txt"
	diffFile    = "diff.md"
	exportsFile = "exports.sh"
	planFolder  = "plans"
)

// Bundle is what was reviewed, and what Deploy is held to.
type Bundle struct {
	Version     int     `json:"version"`
	Commit      string  `json:"commit"`
	Environment string  `json:"environment"`
	Execution   string  `json:"execution"`
	Account     string  `json:"account"`
	Session     Session `json:"session"` // of the preview, to be replaced in its plans
	// Manifest is the digest of delivery.yaml.
	Manifest string   `json:"manifest"`
	Stacks   []Review `json:"stacks"`
	Summary  string   `json:"summary"`
	// Text is the digest of diff.md, which people read.
	Text string `json:"text"`
	// Digest covers everything above, and through the plans' digests the plans.
	Digest string `json:"digest"`
}

// Review is what was reviewed of one stack.
type Review struct {
	Name      string   `json:"name"`
	Project   string   `json:"project"`
	Path      string   `json:"path"`
	Remove    bool     `json:"remove,omitempty"`
	DependsOn []string `json:"dependsOn,omitempty"`
	// ConfigDigest and StateDigest are what the review took for granted.
	ConfigDigest string `json:"configDigest"`
	StateDigest  string `json:"stateDigest"`
	// Deployed says that the stack had been deployed before.
	Deployed bool `json:"deployed"`
	// Previewed says that Changes were computed.
	Previewed bool `json:"previewed"`
	// Unbound says why the review can't bind the deployment, or is empty.
	Unbound    string   `json:"unbound,omitempty"`
	Plan       string   `json:"plan,omitempty"` // file in the bundle
	PlanDigest string   `json:"planDigest,omitempty"`
	Changes    []Change `json:"changes"`

	text string // the engine's own words, for diff.md
}

// Binding says whether the deployment is held to exactly these changes.
func (r Review) Binding() bool { return r.Unbound == "" }

// bundleVersion changes with the meaning of the bundle.
const bundleVersion = 1

func (b Bundle) digest() (string, error) {
	b.Digest = ""
	return digestOf(b)
}

// write fills in the digests and writes the bundle's files; the plans are
// there already.
func (b *Bundle) write(dir string) error {
	b.Version, b.Summary = bundleVersion, summary(b.Stacks)
	diff := renderDiff(*b)
	b.Text = textDigest([]byte(diff))
	var err error
	if b.Digest, err = b.digest(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		bundleFile: string(text) + "\n", diffFile: diff, summaryFile: renderSummary(*b), exportsFile: renderExports(*b),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readBundle reads a bundle and refuses one that was changed after the review.
func readBundle(dir string) (Bundle, error) {
	var b Bundle
	text, err := os.ReadFile(filepath.Join(dir, bundleFile))
	if err != nil {
		return b, fmt.Errorf("the bundle of the preview can't be read (%w): the Build stage writes it; merge another change", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil || b.Version != bundleVersion {
		return b, fmt.Errorf("the bundle of the preview is not readable (version %d, %v): expected version %d, written by the same deployer; merge another change", b.Version, err, bundleVersion)
	}
	digest, err := b.digest()
	if err != nil {
		return b, err
	}
	if digest != b.Digest {
		return b, fmt.Errorf("the bundle's digest is %s but its content has %s: it was changed after the review; merge another change", b.Digest, digest)
	}
	var errs []error
	check := func(name, want string) {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || textDigest(got) != want {
			errs = append(errs, fmt.Errorf("file %s of the bundle is missing or was changed after the review; merge another change", name))
		}
	}
	check(diffFile, b.Text)
	for _, r := range b.Stacks {
		if r.Plan == "" {
			continue
		}
		if !filepath.IsLocal(r.Plan) {
			return b, fmt.Errorf("plan %q of stack %q leaves the bundle; merge another change", r.Plan, r.Name)
		}
		check(r.Plan, r.PlanDigest)
	}
	return b, errors.Join(errs...)
}

// maxExport is CodePipeline's limit here on an exported variable.
const maxExport = 200

// renderExports is sourced by the buildspec, so that CodeBuild sees the values
// as exported variables. The values hold nothing that a shell would act on.
func renderExports(b Bundle) string {
	text := b.Summary
	if len(text) > maxExport {
		text = text[:maxExport-3] + "..."
	}
	return fmt.Sprintf("export %s=%s\nexport %s=%s\n", delivery.ExportSummary, quote(text), delivery.ExportDigest, quote(b.Digest))
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

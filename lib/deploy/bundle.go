package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"delivery.internal/lib/contract"
)

// Files of a bundle.
const (
	bundleFile  = "bundle.json"
	summaryFile = "summary.txt"
	diffFile    = "diff.md"
	exportsFile = "exports.sh"
	sourceFile  = "source.txt"
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
	// Reviewed is when the review was finished: RFC 3339, UTC.
	Reviewed string `json:"reviewed"`
	// SourceDigest is the digest of the list of the source's files, which the
	// bundle carries too.
	SourceDigest string `json:"sourceDigest"`
	// ManifestDigest is the digest of delivery.yaml.
	ManifestDigest string   `json:"manifestDigest"`
	Stacks         []Review `json:"stacks"`
	Summary        string   `json:"summary"`
	// Digest covers everything above, and through the plans' digests the
	// plans. The texts that people read are made of it.
	Digest string `json:"digest"`

	source string            // the list of the source's files
	plans  map[string][]byte // by file, as they were when the bundle was checked
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
	Details    []Detail `json:"details"`
	// Broadened is what would newly be allowed.
	Broadened []Broadening `json:"broadened,omitempty"`
}

// Binding says whether the deployment is held to exactly these changes.
func (r Review) Binding() bool { return r.Unbound == "" }

// bundleVersion changes with the meaning of the bundle.
const bundleVersion = 4

func (b Bundle) digest() (string, error) {
	b.Digest = ""
	return digestOf(b)
}

// write fills in the digests and writes the bundle's files; the plans are
// there already.
func (b *Bundle) write(dir string) error {
	b.Version, b.Summary, b.SourceDigest = bundleVersion, summary(b.Stacks), textDigest([]byte(b.source))
	var err error
	if b.Digest, err = b.digest(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	files := b.texts()
	files[bundleFile], files[sourceFile] = string(text)+"\n", b.source
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// texts are the files that people and the pipeline read, by name. They are
// made of the bundle alone, so that a deployment can make them again.
func (b Bundle) texts() map[string]string {
	return map[string]string{diffFile: renderDiff(b), summaryFile: renderSummary(b), exportsFile: renderExports(b)}
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
	if err := b.checkTexts(dir); err != nil {
		return b, err
	}
	// A list that is missing or forged only makes a refusal less readable.
	list, _ := os.ReadFile(filepath.Join(dir, sourceFile))
	b.source = string(list)
	return b, b.readPlans(dir)
}

// checkTexts refuses a bundle whose texts are not what its content gives: the
// program that was reviewed ran beside the deployer that wrote them.
func (b Bundle) checkTexts(dir string) error {
	if want := summary(b.Stacks); b.Summary != want {
		return fmt.Errorf("the summary of the review is %q and is not what its content gives, which is %q: it was forged; look at what the commit's program does before it runs again", b.Summary, want)
	}
	var errs []error
	for name, want := range b.texts() {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			errs = append(errs, fmt.Errorf("file %s of the bundle is missing or is not what its content gives; merge another change, and if it stays so look at what the commit's program does", name))
		}
	}
	return errors.Join(errs...)
}

// readPlans reads the plans, and refuses those that were changed.
func (b *Bundle) readPlans(dir string) error {
	b.plans = map[string][]byte{}
	var errs []error
	for _, r := range b.Stacks {
		if r.Plan == "" {
			continue
		}
		if !filepath.IsLocal(r.Plan) {
			return fmt.Errorf("plan %q of stack %q leaves the bundle; merge another change", r.Plan, r.Name)
		}
		plan, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.Plan)))
		if err != nil || textDigest(plan) != r.PlanDigest {
			errs = append(errs, fmt.Errorf("file %s of the bundle is missing or was changed after the review; merge another change", r.Plan))
			continue
		}
		b.plans[r.Plan] = plan
	}
	return errors.Join(errs...)
}

// maxExport is CodePipeline's limit here on an exported variable.
const maxExport = 200

// renderExports is sourced by the buildspec, so that CodeBuild sees the values
// as exported variables. The values hold nothing that a shell would act on.
func renderExports(b Bundle) string {
	return fmt.Sprintf("export %s=%s\nexport %s=%s\n", contract.ExportSummary, quote(b.exportedSummary()), contract.ExportDigest, quote(b.Digest))
}

// exportedSummary is the summary as the approval shows it.
func (b Bundle) exportedSummary() string {
	if len(b.Summary) > maxExport {
		return b.Summary[:maxExport-3] + "..."
	}
	return b.Summary
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

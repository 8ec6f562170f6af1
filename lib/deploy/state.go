package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/pulumicli"
)

// absent is the state digest of a stack that does not exist.
const absent = "absent"

// State is what the backend knows of a stack.
type State struct {
	// Exists is false for a stack that was never made.
	Exists bool
	// Digest changes whenever the state does.
	Digest string
	// Deployed is true when any update has been recorded.
	Deployed bool
	// Pending are operations of a run that was killed: "creating URN".
	Pending []string
	// References are the stacks whose outputs the stack reads.
	References []string
	// Secrets is what the stack's secrets are encrypted with.
	Secrets Secrets
	// Written is when the state was written; zero where it doesn't say.
	Written time.Time

	options map[string]pulumicli.ResourceOptions // by URN
}

// Secrets is a stack's secrets provider, as its state records it.
type Secrets struct {
	URL          string // of the key; empty for a passphrase
	EncryptedKey string
}

// noState is the state of a stack that does not exist.
func noState() State { return State{Digest: absent} }

// parseState reads the output of `pulumi stack export`.
func parseState(export []byte) (State, error) {
	d, err := pulumicli.ParseExport(export)
	if err != nil {
		return State{}, err
	}
	digest, err := stateDigest(export)
	if err != nil {
		return State{}, err
	}
	s := State{Exists: true, Digest: digest, Deployed: len(d.Resources) > 0, Written: d.Manifest.Time, Pending: d.PendingOperations()}
	s.Secrets = Secrets{URL: d.Secrets.State.URL, EncryptedKey: d.Secrets.State.EncryptedKey}
	s.options = map[string]pulumicli.ResourceOptions{}
	for _, r := range d.Resources {
		s.options[r.URN] = r.ResourceOptions
		if name, ok := r.Inputs["name"].(string); ok && r.Type == "pulumi:pulumi:StackReference" {
			s.References = append(s.References, name)
		}
	}
	slices.Sort(s.References)
	s.References = slices.Compact(s.References)
	return s, nil
}

// stateDigest is the SHA-256 of a state without what every run writes anew and
// what says nothing of the resources: the manifest with the time of writing,
// the resources' times, and the default providers' role and session.
func stateDigest(export []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(export))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return "", fmt.Errorf("the exported state is not readable: %w", err)
	}
	if d, ok := doc["deployment"].(map[string]any); ok {
		delete(d, "manifest")
		resources, _ := d["resources"].([]any)
		for _, r := range resources {
			if r, ok := r.(map[string]any); ok {
				dropRun(r)
			}
		}
	}
	return digestOf(doc)
}

// dropRun takes out of a resource's state what only says which run wrote it.
func dropRun(resource map[string]any) {
	delete(resource, "created")
	delete(resource, "modified")
	urn, _ := resource["urn"].(string)
	typ, _ := resource["type"].(string)
	if !defaultProvider(urn, typ) {
		return
	}
	for _, side := range []string{"inputs", "outputs"} {
		values, _ := resource[side].(map[string]any)
		text, ok := values[assumeRole].(string)
		if !ok {
			continue
		}
		// The engine keeps it as a JSON text. One that is none stays as it is.
		var session map[string]any
		if json.Unmarshal([]byte(text), &session) == nil {
			delete(session, "roleArn")
			delete(session, "sessionName")
			values[assumeRole] = session
		}
	}
}

// digestOf is the SHA-256 of a value's JSON, in which maps are sorted.
func digestOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

const rootType = "pulumi:pulumi:Stack"

const providerPrefix = "pulumi:providers:"

// defaultProvider says whether a resource is a provider that the engine made
// from configuration: the one whose role and session differ in every run.
func defaultProvider(urn, typ string) bool {
	name := urn[strings.LastIndex(urn, "::")+len("::"):]
	return strings.HasPrefix(typ, providerPrefix) && (name == "default" || strings.HasPrefix(name, "default_"))
}

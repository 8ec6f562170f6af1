package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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
}

// Secrets is a stack's secrets provider, as its state records it.
type Secrets struct {
	URL          string // of the key; empty for a passphrase
	EncryptedKey string
}

type exported struct {
	Deployment struct {
		Secrets struct {
			State struct {
				URL          string `json:"url"`
				EncryptedKey string `json:"encryptedkey"`
			} `json:"state"`
		} `json:"secrets_providers"`
		Resources []struct {
			Type   string         `json:"type"`
			Inputs map[string]any `json:"inputs"`
		} `json:"resources"`
		Pending []struct {
			Type     string `json:"type"`
			Resource struct {
				URN string `json:"urn"`
			} `json:"resource"`
		} `json:"pending_operations"`
	} `json:"deployment"`
}

// noState is the state of a stack that does not exist.
func noState() State { return State{Digest: absent} }

// parseState reads the output of `pulumi stack export`.
func parseState(export []byte) (State, error) {
	var e exported
	if err := json.Unmarshal(export, &e); err != nil {
		return State{}, fmt.Errorf("the exported state is not readable: %w", err)
	}
	digest, err := stateDigest(export)
	if err != nil {
		return State{}, err
	}
	d := e.Deployment
	s := State{Exists: true, Digest: digest, Deployed: len(d.Resources) > 0}
	s.Secrets = Secrets{URL: d.Secrets.State.URL, EncryptedKey: d.Secrets.State.EncryptedKey}
	for _, r := range d.Resources {
		if name, ok := r.Inputs["name"].(string); ok && r.Type == "pulumi:pulumi:StackReference" {
			s.References = append(s.References, name)
		}
	}
	slices.Sort(s.References)
	s.References = slices.Compact(s.References)
	for _, p := range d.Pending {
		s.Pending = append(s.Pending, p.Type+" "+p.Resource.URN)
	}
	return s, nil
}

// stateDigest is the SHA-256 of a state without its manifest, which carries
// the time of writing and says nothing of the resources.
func stateDigest(export []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(export))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return "", fmt.Errorf("the exported state is not readable: %w", err)
	}
	if d, ok := doc["deployment"].(map[string]any); ok {
		delete(d, "manifest")
	}
	return digestOf(doc)
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

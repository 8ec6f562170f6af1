package pulumicli

import (
	"encoding/json"
	"fmt"
	"time"
)

// Deployment is the part of `pulumi stack export` that is read here. Its
// fields are those of apitype.DeploymentV3 in Pulumi's SDK.
type Deployment struct {
	Manifest struct {
		Time time.Time `json:"time"` // when it was written
	} `json:"manifest"`
	Secrets struct {
		Type  string `json:"type"` // "passphrase", "cloud" or ""
		State struct {
			URL          string `json:"url"`          // of the key; empty for a passphrase
			EncryptedKey string `json:"encryptedkey"` // the stack's data key
		} `json:"state"`
	} `json:"secrets_providers"`
	Resources []Resource  `json:"resources"`
	Pending   []Operation `json:"pending_operations"`
}

// Resource is a resource of a state.
type Resource struct {
	ResourceOptions
	URN    string         `json:"urn"`
	ID     string         `json:"id"`
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
}

// ResourceOptions are what a state keeps of a resource and its events don't tell.
type ResourceOptions struct {
	Dependencies   any `json:"dependencies"`
	CustomTimeouts any `json:"customTimeouts"`
}

// Operation is an operation of a run that was killed.
type Operation struct {
	Type     string `json:"type"` // "creating", "updating", "deleting"
	Resource struct {
		URN string `json:"urn"`
	} `json:"resource"`
}

// ParseExport reads the output of `pulumi stack export`.
func ParseExport(text []byte) (Deployment, error) {
	var export struct {
		Deployment Deployment `json:"deployment"`
	}
	if err := json.Unmarshal(text, &export); err != nil {
		return Deployment{}, fmt.Errorf("the exported state is not readable: %w", err)
	}
	return export.Deployment, nil
}

// PendingOperations are the operations that never ended, as "creating URN".
func (d Deployment) PendingOperations() []string {
	var out []string
	for _, o := range d.Pending {
		out = append(out, o.Type+" "+o.Resource.URN)
	}
	return out
}

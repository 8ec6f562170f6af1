package leastprivilege

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"

	"delivery.internal/lib/iam"
)

// Recording is every call that was authorized, and every policy there was. Its
// methods may be used by several goroutines.
type Recording struct {
	// Documents are the texts of policies by their digest.
	Documents map[string]string `json:"documents"`
	// Policies are those that can be asked about, by the reference that calls
	// have to them.
	Policies map[string]*Policy `json:"policies"`
	// Calls are the calls that were allowed, equal ones once.
	Calls []Call `json:"calls"`

	mu   sync.Mutex
	seen map[string]int // calls by their JSON
}

// Policy is a policy that was deployed.
type Policy struct {
	// Name is the kind and the logical name of the resource that carries it.
	Name string `json:"name"`
	// Versions are the digests of its documents, oldest first.
	Versions []string `json:"versions"`
}

// Ref is a policy in one version.
type Ref struct {
	Policy   string `json:"policy"`
	Document string `json:"document"`
}

// Call is a request that was allowed, with the policies that were asked.
type Call struct {
	Principal       iam.Principal       `json:"principal"`
	Action          string              `json:"action"`
	Resource        string              `json:"resource"`
	ResourceAccount string              `json:"resourceAccount,omitempty"`
	Context         map[string][]string `json:"context,omitempty"`
	Identity        []Ref               `json:"identity,omitempty"`
	Boundary        *Ref                `json:"boundary,omitempty"`
	OfResource      *Ref                `json:"ofResource,omitempty"`
	// Times is how often it was made.
	Times int `json:"times,omitempty"`
}

// NewRecording returns an empty recording.
func NewRecording() *Recording {
	return &Recording{Documents: map[string]string{}, Policies: map[string]*Policy{}, seen: map[string]int{}}
}

// AddPolicy notes a policy, or a new version of it.
func (r *Recording) AddPolicy(reference, name, document string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.Policies[reference]
	if p == nil {
		p = &Policy{Name: name}
		r.Policies[reference] = p
	}
	if digest := r.document(document); !slices.Contains(p.Versions, digest) {
		p.Versions = append(p.Versions, digest)
	}
}

// IdentityRef is the reference to an inline or managed policy of an account,
// whose names are unique there.
func IdentityRef(account, name string) string { return account + " " + name }

// Add notes a call. The name of a resource's policy is its reference.
func (r *Recording) Add(q iam.Request, p iam.Policies) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Call{Principal: q.Principal, Action: q.Action, Resource: q.Resource, ResourceAccount: q.ResourceAccount, Context: q.Context}
	for _, n := range p.Identity {
		c.Identity = append(c.Identity, Ref{IdentityRef(q.Principal.Account, n.Name), r.document(n.Document)})
	}
	if p.Boundary != nil {
		c.Boundary = &Ref{IdentityRef(q.Principal.Account, p.Boundary.Name), r.document(p.Boundary.Document)}
	}
	if p.Resource != nil {
		c.OfResource = &Ref{p.Resource.Name, r.document(p.Resource.Document)}
	}
	text, _ := json.Marshal(c) // plain data always marshals
	i, known := r.seen[string(text)]
	if !known {
		i = len(r.Calls)
		r.seen[string(text)], r.Calls = i, append(r.Calls, c)
	}
	r.Calls[i].Times++
}

func (r *Recording) document(text string) string {
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:8])
	r.Documents[digest] = text
	return digest
}

// Write writes the recording to a file.
func (r *Recording) Write(file string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

// Read reads a recording.
func Read(file string) (*Recording, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the recording of calls can't be read (%w): make one with: make prove-least-privilege", err)
	}
	r := NewRecording()
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s is no recording of calls (%w): make one with: make prove-least-privilege", file, err)
	}
	return r, nil
}

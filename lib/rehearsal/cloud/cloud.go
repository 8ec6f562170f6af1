package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
)

// Region is the only region of the local cloud.
const Region = "us-east-1"

// Account ids of the rehearsal. The targets are those of requirement S9.
const (
	DeliveryAccount = "111122223333"
	DevAccount      = "123456789012"
	StagingAccount  = "234567890123"
	ProdAccount     = "345678901234"
)

// Accounts lists all accounts of the local cloud.
func Accounts() []string {
	return []string{DeliveryAccount, DevAccount, StagingAccount, ProdAccount}
}

// Resource is a deployed resource. Inputs and Outputs are plain values
// (string, float64, bool, []any, map[string]any); secrets are unwrapped.
type Resource struct {
	Type    string // Pulumi type token, for instance aws:s3/bucketV2:BucketV2
	ID      string // the provider's id
	Account string // owner account; "github" for resources of GitHub
	ARN     string // empty where AWS has none
	Name    string // physical name, empty where there is none
	Stack   string // organization/project/stack that deployed it; empty for seeds
	URN     string
	Inputs  map[string]any
	Outputs map[string]any
	Created time.Time
	Seed    bool // part of the accounts before anything was deployed
}

// Str returns a string property, looked up in the outputs and then in the
// inputs, by a dotted path such as "encryptionKey.id" or "stages.0.name". It
// is "" where there is none.
func (r *Resource) Str(path string) string {
	for _, from := range []map[string]any{r.Outputs, r.Inputs} {
		switch v := Lookup(from, path).(type) {
		case nil:
		case string:
			return v
		default:
			return fmt.Sprint(v)
		}
	}
	return ""
}

// Value returns a property of any type; see Str for the path.
func (r *Resource) Value(path string) any {
	if v := Lookup(r.Outputs, path); v != nil {
		return v
	}
	return Lookup(r.Inputs, path)
}

// Lookup follows a dotted path through maps and lists, nil where it ends.
func Lookup(from any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch v := from.(type) {
		case map[string]any:
			from = v[part]
		case []any:
			i := 0
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i < 0 || i >= len(v) {
				return nil
			}
			from = v[i]
		default:
			return nil
		}
	}
	return from
}

// Change is what happened to a resource.
type Change string

// The changes that listeners hear of.
const (
	Created Change = "created"
	Updated Change = "updated"
	Deleted Change = "deleted"
)

// Cloud is the local cloud.
type Cloud struct {
	// Journal records everything that happens.
	Journal *Journal
	// Objects are what the buckets hold.
	Objects *Objects
	// Now is the clock, replaceable by tests and by injected time.
	Now func() time.Time

	mu        sync.RWMutex
	resources map[string]*Resource // by account, type and id
	data      map[string]any       // of services, likewise; see DataOf
	gone      map[string]bool      // keys that were removed, by ARN
	sessions  map[string]*Session  // by access key id
	blobs     map[string][]byte
	serial    int
	scanTypes map[string]string // of registries, by account
	lastPush  int64             // of all images, in seconds
	listeners []func(Change, *Resource)
	witness   func(iam.Request, iam.Policies)
	faults    []*Fault
	allowed   int
	denied    []*Denied
}

// New returns an empty local cloud with its accounts seeded: in each account a
// role Operator that may do everything and, in the target accounts, AdminRole,
// which trusts the delivery account, and OrganizationRole, which does not.
func New() *Cloud {
	c := &Cloud{
		Journal:   &Journal{},
		Objects:   newObjects(),
		Now:       time.Now,
		resources: map[string]*Resource{},
		data:      map[string]any{},
		gone:      map[string]bool{},
		sessions:  map[string]*Session{},
		blobs:     map[string][]byte{},
		scanTypes: map[string]string{},
	}
	c.seed()
	return c
}

func key(account, typ, id string) string { return account + "|" + typ + "|" + id }

// Add registers a resource. It refuses a second one of the same account, type
// and id, and a second bucket of a name in whatever account.
func (c *Cloud) Add(r *Resource) error {
	c.mu.Lock()
	k := key(r.Account, r.Type, r.ID)
	if c.resources[k] != nil {
		c.mu.Unlock()
		return fmt.Errorf("%s %q already exists in account %s", r.Type, r.ID, r.Account)
	}
	if r.Type == typetoken.Bucket {
		if err := c.Objects.backend.CreateBucket(r.ID); err != nil {
			c.mu.Unlock()
			return fmt.Errorf("bucket %s: %w", r.ID, err)
		}
	}
	r.Created = c.Now()
	c.resources[k] = r
	c.mu.Unlock()
	c.tell(Created, r)
	return nil
}

// Update replaces the properties of a resource under the lock.
func (c *Cloud) Update(account, typ, id string, change func(*Resource)) bool {
	c.mu.Lock()
	old := c.resources[key(account, typ, id)]
	if old == nil {
		c.mu.Unlock()
		return false
	}
	r := *old // readers keep the old value: resources are never changed in place
	change(&r)
	c.resources[key(account, typ, id)] = &r
	c.mu.Unlock()
	c.tell(Updated, &r)
	return true
}

// Remove forgets a resource, with everything that its service keeps of it.
func (c *Cloud) Remove(account, typ, id string) bool {
	c.mu.Lock()
	k := key(account, typ, id)
	r, d := c.resources[k], c.data[k]
	delete(c.resources, k)
	delete(c.data, k)
	if r != nil {
		c.forget(r)
	}
	c.mu.Unlock()
	if r == nil {
		return false
	}
	if d, ok := d.(ender); ok {
		d.End()
	}
	c.tell(Deleted, r)
	return true
}

// forget takes along what a resource holds. It is called with the lock held.
func (c *Cloud) forget(r *Resource) {
	delete(c.blobs, r.ARN)
	switch r.Type {
	case typetoken.Bucket:
		_ = c.Objects.backend.ForceDeleteBucket(r.ID) // it was made with the resource
	case typetoken.Repository:
		for k, image := range c.resources {
			if image.Type == typetoken.Image && image.Account == r.Account && image.Str("repositoryName") == r.Name {
				delete(c.resources, k)
				delete(c.data, k)
			}
		}
	case typetoken.Key:
		c.gone[r.ARN] = true
	}
}

// PendingDeletion says whether a key was removed: it is unusable from then on.
// See https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
func (c *Cloud) PendingDeletion(keyARN string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.gone[keyARN]
}

// Get returns a resource, nil where there is none.
func (c *Cloud) Get(account, typ, id string) *Resource {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.resources[key(account, typ, id)]
}

// Find returns the resources of a type that satisfy match, in order of
// creation. An empty account means any; a nil match means all.
func (c *Cloud) Find(account, typ string, match func(*Resource) bool) []*Resource {
	return c.filter(func(r *Resource) bool {
		return r.Type == typ && (account == "" || r.Account == account) && (match == nil || match(r))
	})
}

// First returns the first resource that Find returns, nil where there is none.
func (c *Cloud) First(account, typ string, match func(*Resource) bool) *Resource {
	if found := c.Find(account, typ, match); len(found) > 0 {
		return found[0]
	}
	return nil
}

// ByARN returns the resource with an ARN, nil where there is none.
func (c *Cloud) ByARN(arn string) *Resource {
	if found := c.filter(func(r *Resource) bool { return r.ARN == arn && arn != "" }); len(found) > 0 {
		return found[0]
	}
	return nil
}

// Deployed returns everything that was deployed, seeds excluded, in order of
// creation.
func (c *Cloud) Deployed() []*Resource { return c.filter(func(r *Resource) bool { return !r.Seed }) }

// filter asks match without holding the lock: it may look resources up itself,
// and a second read lock waits forever behind a writer.
func (c *Cloud) filter(match func(*Resource) bool) []*Resource {
	c.mu.RLock()
	all := slices.Collect(maps.Values(c.resources))
	c.mu.RUnlock()
	var out []*Resource
	for _, r := range all {
		if match(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *Resource) int {
		if d := a.Created.Compare(b.Created); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// OnChange registers a function that is told of every change, after it took
// effect and without any lock held.
func (c *Cloud) OnChange(f func(Change, *Resource)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners = append(c.listeners, f)
}

func (c *Cloud) tell(change Change, r *Resource) {
	c.mu.RLock()
	listeners := slices.Clone(c.listeners)
	c.mu.RUnlock()
	for _, f := range listeners {
		f(change, r)
	}
}

// Serial returns a number that was never returned before: for ids.
func (c *Cloud) Serial() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	return c.serial
}

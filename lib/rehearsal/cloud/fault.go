package cloud

import "strings"

// Fault makes matching API requests fail.
type Fault struct {
	// Service and Operation select the request, for instance "s3" and
	// "GetObject"; an empty one matches any.
	Service, Operation string
	// Resource must be contained in the requested resource (ARN or path).
	Resource string
	// Status and Code are what the caller gets: 503 and SlowDown.
	Status int
	Code   string
	// Times is how often the fault strikes; negative means forever.
	Times int
	// Struck counts how often it struck.
	Struck int
	// Reset drops the connection instead of answering.
	Reset bool
	// Then is called when the fault strikes, before the caller hears of it.
	Then func()
}

// Inject adds a fault and returns it.
func (c *Cloud) Inject(f Fault) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
	return &f
}

// Strike returns a copy of the fault that a request meets, nil where there is
// none, and counts it.
func (c *Cloud) Strike(service, operation, resource string) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if f.Times != 0 && (f.Service == "" || f.Service == service) && (f.Operation == "" || f.Operation == operation) && strings.Contains(resource, f.Resource) {
			if f.Times > 0 {
				f.Times--
			}
			f.Struck++
			hit := *f
			return &hit
		}
	}
	return nil
}

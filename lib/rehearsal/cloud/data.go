package cloud

// ender is data that holds something running.
type ender interface{ End() }

// DataOf returns what a service keeps of a resource beyond its properties: the
// items of a table, the findings of an image repository. It is made at the
// first use and goes when the resource is removed, so that what is made again
// under the same name begins empty. T is a pointer or a map; whoever holds it
// guards it. What has a method End is ended with the resource.
func DataOf[T any](c *Cloud, r *Resource, make func() T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := key(r.Account, r.Type, r.ID)
	if d, ok := c.data[k].(T); ok {
		return d
	}
	d := make()
	if c.resources[k] != nil { // else it was removed in the meantime
		c.data[k] = d
	}
	return d
}

package cloud

// SetBlob keeps bytes that are not part of any state, for instance the code of
// a function, by a key such as an ARN. They go with the resource of that ARN;
// nil forgets them before.
func (c *Cloud) SetBlob(key string, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b == nil {
		delete(c.blobs, key)
		return
	}
	c.blobs[key] = b
}

// Blob returns bytes that were set, nil where there are none.
func (c *Cloud) Blob(key string) []byte {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.blobs[key]
}

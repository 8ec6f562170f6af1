package cloud

// ImageType marks images in a registry. They are in the resource table, but
// nobody deploys them: they are pushed.
const ImageType = "aws:ecr/image:Image"

// AddImage puts an image into a repository. One that is there already stays as
// it is: a digest names its content.
func (c *Cloud) AddImage(account, repository, digest, tag string) {
	id := repository + "@" + digest
	if c.Get(account, ImageType, id) != nil {
		return
	}
	// Two pushes at once may both have seen nothing: the table refuses the second.
	_ = c.Add(&Resource{
		Type: ImageType, ID: id, Account: account, Name: id, Seed: true,
		Inputs: map[string]any{"repositoryName": repository, "imageDigest": digest, "imageTag": tag},
	})
}

// Images returns the images of a repository, in order of their push.
func (c *Cloud) Images(account, repository string) []*Resource {
	return c.Find(account, ImageType, func(r *Resource) bool { return r.Str("repositoryName") == repository })
}

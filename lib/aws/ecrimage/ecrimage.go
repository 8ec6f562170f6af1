// Package ecrimage reads and builds the addresses of images in ECR.
package ecrimage

import (
	"regexp"

	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A private registry is ACCOUNT.dkr.ecr.REGION.amazonaws.com.",
		Page:     "https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html",
		Enforced: "Registry, Parse",
	},
	{
		Rule:     "An image is REPOSITORY:TAG or REPOSITORY@DIGEST; a digest wins over a tag, and without either the tag latest is meant.",
		Page:     "https://docs.aws.amazon.com/AmazonECR/latest/userguide/docker-pull-ecr-image.html",
		Enforced: "Parse, Image.Reference",
	},
}

// Image is an image in a registry.
type Image struct {
	Account, Region, Repository, Tag, Digest string
}

var address = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@\s]+)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?$`)

// Parse reads the address of an image; ok is false where it is not one of ECR.
func Parse(text string) (i Image, ok bool) {
	m := address.FindStringSubmatch(text)
	if m == nil {
		return Image{}, false
	}
	return Image{m[1], m[2], m[3], m[4], m[5]}, true
}

// Reference is what names the image in its repository: a digest or a tag.
func (i Image) Reference() string {
	switch {
	case i.Digest != "":
		return i.Digest
	case i.Tag != "":
		return i.Tag
	}
	return "latest"
}

// Registry is the host of an account's registry.
func Registry(account, region string) string {
	return account + ".dkr.ecr." + region + ".amazonaws.com"
}

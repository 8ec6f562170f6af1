package rehearsal

import (
	"fmt"
	"slices"

	"delivery.internal/lib/aws/typetoken"
)

// Left is what is left in the four accounts and on GitHub.
type Left struct {
	Resources, Objects, Images, Builds []string
}

// Left looks for everything that is left: deployed resources, objects in
// buckets, images in registries and running builds.
func (r *Rig) Left() (Left, error) {
	var left Left
	for _, d := range r.Cloud.Deployed() {
		left.Resources = append(left.Resources, fmt.Sprintf("%s %s in account %s", d.Type, d.ID, d.Account))
	}
	for _, i := range r.Cloud.Find("", typetoken.Image, nil) {
		left.Images = append(left.Images, "image "+i.ID)
	}
	for _, b := range r.Services.RunningBuilds() {
		left.Builds = append(left.Builds, "build "+b.ID)
	}
	var err error
	left.Objects, err = r.Cloud.Objects.All()
	return left, err
}

// All lists what is left, one line each.
func (l Left) All() []string { return slices.Concat(l.Resources, l.Objects, l.Images, l.Builds) }

// String counts what was looked for.
func (l Left) String() string {
	return fmt.Sprintf("%d resources, %d objects, %d images and %d running builds", len(l.Resources), len(l.Objects), len(l.Images), len(l.Builds))
}

package cloud

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Staging labels of the versions of a secret.
const (
	CurrentStage  = "AWSCURRENT"
	PreviousStage = "AWSPREVIOUS"
)

// SecretVersion is a value that a secret has or had.
type SecretVersion struct {
	ID, Text string
	Created  time.Time
}

// SecretVersions are the versions of one secret that have a staging label.
type SecretVersions struct {
	mu      sync.Mutex
	byStage map[string]SecretVersion
}

// SecretVersions returns the versions of a secret. They are not resources: what
// removes the resource of a version leaves its value where it is, unless the
// whole secret goes.
func (c *Cloud) SecretVersions(secret *Resource) *SecretVersions {
	return DataOf(c, secret, func() *SecretVersions { return &SecretVersions{byStage: map[string]SecretVersion{}} })
}

// Put adds a version, with the labels that PutSecretValue moves when it is given
// none: "If this operation moves the staging label AWSCURRENT from another
// version to this version, then Secrets Manager also automatically moves the
// staging label AWSPREVIOUS to the version that AWSCURRENT was removed from." See
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func (v *SecretVersions) Put(version SecretVersion) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if old, ok := v.byStage[CurrentStage]; ok {
		v.byStage[PreviousStage] = old
	}
	v.byStage[CurrentStage] = version
}

// At returns the version with a staging label.
func (v *SecretVersions) At(stage string) (SecretVersion, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	version, ok := v.byStage[stage]
	return version, ok
}

// Age makes every version older, for tests that can't wait.
func (v *SecretVersions) Age(by time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, stage := range slices.Collect(maps.Keys(v.byStage)) {
		version := v.byStage[stage]
		version.Created = version.Created.Add(-by)
		v.byStage[stage] = version
	}
}

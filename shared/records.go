package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/audit"
	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/stackrefs"
	"delivery.internal/lib/storage"
)

// records makes the ledger, and the trail that watches it and everything that
// decides what is deployed: state, artifacts and the source of the build image.
func (p *platform) records(ctx *pulumi.Context, boot stackrefs.Bootstrap[string]) (*storage.Ledger, error) {
	var writers []storage.Writer
	watched := []string{p.scope.Bucket(p.names.Of(naming.LedgerBucket)), p.scope.Bucket(p.names.Of(naming.ImageSourceBucket))}
	for _, env := range p.Environments.Names() {
		writers = append(writers, storage.Writer{Environment: env, RoleARNs: buildproject.Roles(p.scope, p.Namer(env), buildproject.Recording)})
		watched = append(watched, p.scope.Bucket(boot.StateBuckets[env]), p.scope.Bucket(p.Namer(env).Of(naming.ArtifactBucket)))
	}
	watched = append(watched, p.scope.Bucket(boot.StateBuckets[naming.Shared]))
	l, err := storage.NewLedger(ctx, "ledger", &storage.LedgerArgs{
		Names: p.names, KeyARN: p.key,
		Writers: writers, Operators: p.Operators, Tags: p.tags,
	}, p.providers)
	if err != nil {
		return nil, err
	}
	_, err = audit.NewTrail(ctx, "audit", &audit.Args{
		Names: p.names, Scope: p.scope, KeyARN: p.key,
		WatchedBuckets: watched, RetentionDays: p.auditRetentionDays, Tags: p.tags,
	}, p.providers)
	return l, err
}

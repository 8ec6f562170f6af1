package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/encryption"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackrefs"
	"delivery.internal/lib/statestore"
)

// program makes a key and a state bucket for the platform and for each
// environment, and exports them with the settings.
func program(ctx *pulumi.Context) error {
	s, err := readSettings(ctx)
	if err != nil {
		return err
	}
	exports := stackrefs.Bootstrap[pulumi.StringInput]{
		Settings:     s,
		KeyARNs:      stackrefs.ByEnvironment[pulumi.StringInput]{},
		StateBuckets: stackrefs.ByEnvironment[pulumi.StringInput]{},
	}
	for _, env := range append([]naming.Environment{naming.Shared}, naming.Environments()...) {
		key, store, err := ground(ctx, s, env)
		if err != nil {
			return err
		}
		exports.KeyARNs[env], exports.StateBuckets[env] = key.ARN, store.Name
	}
	return stackrefs.Export(ctx, exports)
}

// ground makes what one environment, or the platform, stands on.
func ground(ctx *pulumi.Context, s settings.Settings, env naming.Environment) (*encryption.Key, *statestore.Store, error) {
	names, tags := s.Namer(env), pulumi.ToStringMap(s.Tags(env, stackrefs.BootstrapProject))
	policy, purpose := keyPolicy(s, env)
	key, err := encryption.New(ctx, "key-"+string(env), &encryption.Args{
		Alias: names.Of(naming.KeyAlias), Description: purpose, Policy: policy, Tags: tags,
	})
	if err != nil {
		return nil, nil, err
	}
	store, err := statestore.New(ctx, "state-"+string(env), &statestore.Args{
		Name: names.Of(naming.StateBucket), KeyARN: key.ARN, Tags: tags,
	})
	return key, store, err
}

func keyPolicy(s settings.Settings, env naming.Environment) (iampolicy.Document, string) {
	if env == naming.Shared {
		return encryption.Platform(s), fmt.Sprintf("Delivery platform %s: state, build image, topics, ledger and audit trail", s.EnvironmentSuffix)
	}
	return encryption.ForEnvironment(s, env), fmt.Sprintf("Delivery to %s %s: workload state and secrets, artifacts and build logs", env, s.EnvironmentSuffix)
}

package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/encryption"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackoutputs"
	"delivery.internal/lib/stackrefs"
	"delivery.internal/lib/storage"
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
	for _, env := range append([]naming.Environment{naming.Shared}, s.Environments.Names()...) {
		key, store, err := foundation(ctx, s, env)
		if err != nil {
			return err
		}
		exports.KeyARNs[env], exports.StateBuckets[env] = key.ARN, store.Name
	}
	return stackoutputs.Export(ctx, exports)
}

// foundation makes the key and the state bucket of one environment, or of the
// platform.
func foundation(ctx *pulumi.Context, s settings.Settings, env naming.Environment) (*encryption.Key, *storage.StateStore, error) {
	names, tags := s.Namer(env), pulumi.ToStringMap(s.Tags(env, stackrefs.BootstrapProject))
	policy, purpose := keyPolicy(s, env)
	key, err := encryption.NewKey(ctx, "key-"+string(env), &encryption.Args{
		Names: names, Description: purpose, Policy: policy, Tags: tags,
	})
	if err != nil {
		return nil, nil, err
	}
	store, err := storage.NewStateStore(ctx, "state-"+string(env), &storage.StateStoreArgs{
		Names: names, KeyARN: key.ARN, Tags: tags,
	})
	return key, store, err
}

func keyPolicy(s settings.Settings, env naming.Environment) (iampolicy.Document, string) {
	if env == naming.Shared {
		return encryption.Platform(s), fmt.Sprintf("Delivery platform %s: state, build image, topics, ledger and audit trail", s.EnvironmentSuffix)
	}
	return encryption.ForEnvironment(s, env), fmt.Sprintf("Delivery to %s %s: workload state and secrets, artifacts and build logs", env, s.EnvironmentSuffix)
}

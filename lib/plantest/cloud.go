package plantest

import (
	"encoding/json"
	"fmt"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackrefs"
)

// The installation that the fixtures describe.
const (
	Suffix          = "a1b2"
	DeliveryAccount = "111122223333"
	Operator        = "arn:aws:iam::111122223333:role/Operator"
)

var scope = naming.Scope{Account: DeliveryAccount, Region: settings.Region}

// Settings returns settings that are valid and complete.
func Settings() settings.Settings {
	return settings.Settings{
		EnvironmentSuffix: Suffix,
		Region:            settings.Region,
		DeliveryAccount:   DeliveryAccount,
		Environments:      promotion.Default().WithAccounts(settings.RehearsalAccounts()).InOrder(),
		Repository:        settings.Repository{Owner: "acme", Name: "infrastructure", Branch: "main"},
		Owners:            []string{"platform@example.com"},
		Operators:         []string{Operator},
	}
}

// Key returns the ARN of an environment's key in the fixtures.
func Key(env naming.Environment) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/00000000-0000-4000-8000-0000%08x", settings.Region, DeliveryAccount, fold(string(env)))
}

// fold gives a short text a stable number.
func fold(s string) uint32 {
	var n uint32
	for _, c := range s {
		n = n*31 + uint32(c)
	}
	return n
}

// BootstrapOutputs are the outputs of a bootstrap stack.
func BootstrapOutputs() map[string]any { return BootstrapOutputsOf(Settings()) }

// BootstrapOutputsOf are those of an installation with other settings.
func BootstrapOutputsOf(s settings.Settings) map[string]any {
	b := stackrefs.Bootstrap[string]{
		Settings:     s,
		KeyARNs:      stackrefs.ByEnvironment[string]{},
		StateBuckets: stackrefs.ByEnvironment[string]{},
	}
	for _, env := range append(s.Environments.Names(), naming.Shared) {
		b.KeyARNs[env] = Key(env)
		b.StateBuckets[env] = s.Namer(env).Of(naming.StateBucket)
	}
	return outputs(b)
}

// SharedOutputs are the outputs of a shared stack.
func SharedOutputs() map[string]any {
	n := Settings().Namer(naming.Shared)
	return outputs(stackrefs.Shared[string]{
		RepositoryURL:          repositoryURL(n.Of(naming.ImageRepository)),
		ApprovedImageParameter: n.Of(naming.ApprovedImage),
		ImageProject:           n.Of(naming.ImageProject),
		BusName:                n.Of(naming.DeliveryBus),
		WebhookURL:             "https://api.example.com/webhook",
		ConnectionARN:          connectionARN,
		ConnectionStatus:       "AVAILABLE",
		PipelineTopicARN:       scope.Topic(n.Of(naming.PipelineTopic)),
		ApprovalTopicARN:       scope.Topic(n.Of(naming.ApprovalTopic)),
		LedgerBucket:           n.Of(naming.LedgerBucket),
		StarterName:            n.Of(naming.StarterFunction),
		StarterARN:             scope.Function(n.Of(naming.StarterFunction)),
	})
}

// TargetsOutputs are the outputs of a stack of the targets project.
func TargetsOutputs(env naming.Environment) map[string]any { return TargetsOutputsOf(Settings(), env) }

// TargetsOutputsOf are those of an installation with other settings.
func TargetsOutputsOf(s settings.Settings, env naming.Environment) map[string]any {
	n, target := s.Namer(env), s.Target(env)
	return outputs(stackrefs.Targets[string]{
		PreviewRoleARN: target.Role(n.Of(naming.PreviewRole)),
		DeployRoleARN:  target.Role(n.Of(naming.DeployRole)),
		ExternalID:     n.Of(naming.ExternalID),
	})
}

// EnvironmentOutputs are the outputs of an environment's stack, with the
// digest of the image that it approved.
func EnvironmentOutputs(env naming.Environment, digest string) map[string]any {
	name := Settings().Namer(env).Of(naming.Pipeline)
	return outputs(stackrefs.Environment[string]{PipelineName: name, PipelineARN: scope.Pipeline(name), ImageDigest: digest})
}

// outputs turns a struct of package stackrefs into what a stack reference sees.
func outputs(v any) map[string]any {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the structs hold strings only
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	return m
}

const connectionARN = "arn:aws:codeconnections:us-east-1:111122223333:connection/aeb9b3c5-0000-4000-8000-000000000000"

func repositoryURL(name string) string {
	return DeliveryAccount + ".dkr.ecr." + settings.Region + ".example.com/" + name
}

var knownCalls = map[string]map[string]any{
	"aws:index/getCallerIdentity:getCallerIdentity": {"accountId": DeliveryAccount, "arn": Operator, "userId": "AROA:test", "id": DeliveryAccount},
	"aws:index/getRegion:getRegion":                 {"name": settings.Region, "id": settings.Region, "region": settings.Region},
}

// computed returns a resource's id and the outputs that AWS would compute.
func computed(r Resource) (string, map[string]any) {
	k := kinds[r.Type]
	name := r.Text(k.Name)
	if name == "" {
		name = r.Name
	}
	id, out := name, map[string]any{}
	if k.ARN != nil {
		out["arn"] = k.ARN(scope, name)
	}
	if k.Computed != nil {
		for key, v := range k.Computed(name) {
			out[key] = v
		}
	}
	if v, ok := out["id"].(string); ok {
		id = v
		delete(out, "id")
	}
	return id, out
}

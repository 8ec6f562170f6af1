package plantest

import (
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// kind is what the checks and the mocks know of a resource type.
type kind struct {
	// Name is the input that holds the physical name; "" where the resource has
	// none of its own, because it is a part of another resource.
	Name string
	// Tags says whether the type can be tagged.
	Tags bool
	// ARN builds the ARN that AWS would give, from the physical name.
	ARN func(naming.Scope, string) string
	// Computed are other outputs, from the physical name; "id" sets the id.
	Computed func(string) map[string]any
	// Encrypted finds what is missing in the encryption, "" for nothing.
	Encrypted func(r Resource, all []Resource) string
	// Removable finds what would keep the resource after a destroy.
	Removable func(r Resource) string
}

// kinds holds every type that the platform deploys.
var kinds = map[string]kind{
	"pulumi:providers:aws":    {},
	"pulumi:providers:github": {},

	typetoken.API:            {Name: "name", Tags: true, Computed: apiOutputs},
	typetoken.APIIntegration: {},
	typetoken.APIRoute:       {},
	typetoken.APIStage:       {Tags: true},

	typetoken.Trail: {Name: "name", Tags: true, ARN: naming.Scope.Trail, Encrypted: needs("kmsKeyId")},

	typetoken.EventBusPolicy: {},
	typetoken.MetricAlarm:    {Name: "name", Tags: true, ARN: naming.Scope.Alarm},
	typetoken.EventBus:       {Name: "name", Tags: true, ARN: naming.Scope.Bus},
	typetoken.EventRule:      {Name: "name", Tags: true, ARN: naming.Scope.Rule},
	typetoken.EventTarget:    {},
	typetoken.LogGroup:       {Name: "name", Tags: true, ARN: naming.Scope.LogGroup, Encrypted: needs("kmsKeyId"), Removable: logGroupRemovable},

	typetoken.Project:              {Name: "name", Tags: true, ARN: naming.Scope.Project, Encrypted: needs("encryptionKey")},
	typetoken.Connection:           {Name: "name", Tags: true, Computed: connectionOutputs},
	typetoken.Pipeline:             {Name: "name", Tags: true, ARN: naming.Scope.Pipeline, Encrypted: pipelineEncrypted},
	typetoken.Table:                {Name: "name", Tags: true, ARN: naming.Scope.Table, Removable: without("deletionProtectionEnabled")},
	typetoken.RepositoryLifecycle:  {},
	typetoken.Repository:           {Name: "name", Tags: true, ARN: naming.Scope.Repository, Computed: repositoryOutputs, Encrypted: repositoryEncrypted, Removable: with("forceDelete", true)},
	typetoken.RepositoryPolicy:     {},
	typetoken.Policy:               {Name: "name", Tags: true, ARN: naming.Scope.Policy},
	typetoken.Role:                 {Name: "name", Tags: true, ARN: naming.Scope.Role, Computed: uniqueID, Removable: with("forceDetachPolicies", true)},
	typetoken.RolePolicy:           {Name: "name"},
	typetoken.RolePolicyAttachment: {},
	typetoken.KeyAlias:             {Name: "name"},
	typetoken.Key:                  {Tags: true, Computed: keyOutputs, Encrypted: needs("enableKeyRotation"), Removable: with("deletionWindowInDays", 7.0)},
	typetoken.KeyPolicy:            {},
	typetoken.Function:             {Name: "name", Tags: true, ARN: naming.Scope.Function, Computed: functionOutputs, Removable: without("skipDestroy")},
	typetoken.Permission:           {},

	typetoken.BucketLifecycle:         {},
	typetoken.BucketNotification:      {},
	typetoken.Object:                  {Tags: true},
	typetoken.BucketOwnershipControls: {},
	typetoken.BucketPolicy:            {},
	typetoken.BucketPublicAccessBlock: {},
	typetoken.BucketEncryption:        {Encrypted: bucketRuleEncrypted},
	typetoken.Bucket:                  {Name: "bucket", Tags: true, ARN: naming.Scope.Bucket, Encrypted: bucketEncrypted, Removable: with("forceDestroy", true)},
	typetoken.BucketVersioning:        {},

	typetoken.Secret:            {Name: "name", Tags: true, ARN: secretARN, Encrypted: needs("kmsKeyId"), Removable: with("recoveryWindowInDays", 0.0)},
	typetoken.SecretVersion:     {},
	typetoken.Topic:             {Name: "name", Tags: true, ARN: naming.Scope.Topic, Encrypted: needs("kmsMasterKeyId")},
	typetoken.TopicPolicy:       {},
	typetoken.TopicSubscription: {},
	typetoken.Queue:             {Name: "name", Tags: true, ARN: naming.Scope.Queue, Computed: queueOutputs, Encrypted: queueEncrypted},
	typetoken.QueuePolicy:       {},
	typetoken.Parameter:         {Name: "name", Tags: true, ARN: naming.Scope.Parameter},

	typetoken.GitHubSecret:           {},
	typetoken.GitHubVariable:         {},
	typetoken.GitHubBranchProtection: {},
	typetoken.GitHubEnvironment:      {Name: "environment"},
	typetoken.GitHubWebhook:          {},

	typetoken.RandomPassword: {Computed: func(string) map[string]any {
		return map[string]any{"result": "a-random-password-that-is-long-enough-to-be-a-secret"}
	}},
}

func needs(key string) func(Resource, []Resource) string {
	return func(r Resource, _ []Resource) string {
		if v := r.Inputs[key]; v == nil || v == "" || v == false {
			return key + " is not set"
		}
		return ""
	}
}

func with(key string, want any) func(Resource) string {
	return func(r Resource) string {
		if r.Inputs[key] != want {
			return key + " is not set as a destroy needs it"
		}
		return ""
	}
}

func without(key string) func(Resource) string {
	return func(r Resource) string {
		if r.Inputs[key] == true {
			return key + " keeps the resource"
		}
		return ""
	}
}

func logGroupRemovable(r Resource) string {
	if r.Inputs["retentionInDays"] != 30.0 {
		return "logs are kept 30 days (requirement S6)"
	}
	return without("skipDestroy")(r)
}

// dig follows keys and indexes into nested inputs.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

func pipelineEncrypted(r Resource, _ []Resource) string {
	if key, _ := dig(r.Inputs, "artifactStores", 0, "encryptionKey", "id").(string); key == "" {
		return "artifactStores[0].encryptionKey is not set"
	}
	return ""
}

func repositoryEncrypted(r Resource, _ []Resource) string {
	if dig(r.Inputs, "encryptionConfigurations", 0, "encryptionType") != "KMS" || dig(r.Inputs, "encryptionConfigurations", 0, "kmsKey") == nil {
		return "encryptionConfigurations has no KMS key"
	}
	return ""
}

func queueEncrypted(r Resource, _ []Resource) string {
	if r.Inputs["sqsManagedSseEnabled"] != true && r.Text("kmsMasterKeyId") == "" {
		return "neither sqsManagedSseEnabled nor kmsMasterKeyId is set"
	}
	return ""
}

func bucketEncrypted(r Resource, all []Resource) string {
	for _, e := range OfType(all, typetoken.BucketEncryption) {
		if e.Text("bucket") == r.Text("bucket") {
			return ""
		}
	}
	return "no encryption configuration names the bucket"
}

func bucketRuleEncrypted(r Resource, _ []Resource) string {
	rule := dig(r.Inputs, "rules", 0, "applyServerSideEncryptionByDefault")
	if key, _ := dig(rule, "kmsMasterKeyId").(string); dig(rule, "sseAlgorithm") != "aws:kms" || key == "" {
		return "rule 0 does not use aws:kms with a key"
	}
	return ""
}

func apiOutputs(name string) map[string]any {
	return map[string]any{
		"id":           "api1234567",
		"apiEndpoint":  "https://api1234567.example.com",
		"executionArn": "arn:aws:execute-api:us-east-1:" + DeliveryAccount + ":api1234567",
		"arn":          "arn:aws:apigateway:us-east-1::/apis/api1234567",
	}
}

func connectionOutputs(string) map[string]any {
	return map[string]any{"id": connectionARN, "arn": connectionARN, "connectionStatus": "PENDING"}
}

func repositoryOutputs(name string) map[string]any {
	return map[string]any{"repositoryUrl": repositoryURL(name), "registryId": DeliveryAccount}
}

func uniqueID(string) map[string]any { return map[string]any{"uniqueId": "AROATESTTESTTESTTEST"} }

func keyOutputs(name string) map[string]any {
	arn := Key(naming.Environment(name))
	return map[string]any{"id": arn[len(arn)-36:], "keyId": arn[len(arn)-36:], "arn": arn}
}

func functionOutputs(name string) map[string]any {
	return map[string]any{"invokeArn": arns.Invocation(settings.Region, scope.Function(name))}
}

func queueOutputs(name string) map[string]any {
	url := "https://sqs.example.com/" + DeliveryAccount + "/" + name
	return map[string]any{"id": url, "url": url}
}

func secretARN(s naming.Scope, name string) string {
	return "arn:aws:secretsmanager:" + s.Region + ":" + s.Account + ":secret:" + name + "-AbCdEf"
}

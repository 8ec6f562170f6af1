package permissions

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
)

func resourcePolicy(service, subject, subjectKind string) func(*differ) {
	return attached{iam.Resource(service), "policy", subject, subjectKind}.compare
}

// identityPolicy is the policy of a role, user or group.
func identityPolicy(holder string) func(*differ) {
	return attached{iam.Inline, "policy", holder, holder}.compare
}

// kinds are the kinds of resources whose permissions are compared, and those
// that are known to carry none although a property looks like a policy.
var kinds = map[string]func(*differ){
	typetoken.Role:                                        role,
	"aws:iam/user:User":                                   boundary,
	"aws:iam/group:Group":                                 nothing,
	typetoken.Policy:                                      managedDocument,
	typetoken.RolePolicy:                                  identityPolicy("role"),
	"aws:iam/userPolicy:UserPolicy":                       identityPolicy("user"),
	"aws:iam/groupPolicy:GroupPolicy":                     identityPolicy("group"),
	typetoken.RolePolicyAttachment:                        attachments("policyArn", "role"),
	"aws:iam/userPolicyAttachment:UserPolicyAttachment":   attachments("policyArn", "user"),
	"aws:iam/groupPolicyAttachment:GroupPolicyAttachment": attachments("policyArn", "group"),
	"aws:iam/policyAttachment:PolicyAttachment":           attachments("policyArn", "roles", "users", "groups"),

	"aws:s3/bucket:Bucket":            bucket,
	typetoken.Bucket:                  bucket,
	typetoken.BucketPolicy:            resourcePolicy("s3", "bucket", "bucket"),
	typetoken.BucketPublicAccessBlock: publicAccess("bucket", "true"),
	"aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": publicAccess("accountId", "false"),
	"aws:s3/bucketAclV2:BucketAclV2":                           acl,
	"aws:s3/bucketAcl:BucketAcl":                               acl,
	typetoken.BucketOwnershipControls:                          ownership,

	typetoken.Key:                     key,
	"aws:kms/replicaKey:ReplicaKey":   key,
	"aws:kms/externalKey:ExternalKey": key,
	typetoken.KeyPolicy:               keyPolicy,
	"aws:kms/grant:Grant":             granting("kms", grant),

	typetoken.Topic:                                 ownDocument("sns"),
	typetoken.TopicPolicy:                           resourcePolicy("sns", "arn", "topic"),
	typetoken.TopicSubscription:                     nothing,
	typetoken.Queue:                                 ownDocument("sqs"),
	typetoken.QueuePolicy:                           resourcePolicy("sqs", "queueUrl", "queue"),
	"aws:sqs/redrivePolicy:RedrivePolicy":           nothing,
	"aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": nothing,

	typetoken.RepositoryPolicy:                        resourcePolicy("ecr", "repository", "repository"),
	"aws:ecrpublic/repositoryPolicy:RepositoryPolicy": resourcePolicy("ecr", "repositoryName", "repository"),
	"aws:ecr/registryPolicy:RegistryPolicy":           ownDocument("ecr"),
	typetoken.RepositoryLifecycle:                     nothing,

	typetoken.Permission: granting("lambda", permission),
	"aws:lambda/layerVersionPermission:LayerVersionPermission": granting("lambda", layerPermission),
	"aws:lambda/functionUrl:FunctionUrl":                       functionURL,

	"aws:ec2/securityGroup:SecurityGroup":                       inlineRules,
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         inlineRules,
	"aws:ec2/securityGroupRule:SecurityGroupRule":               ruleOf("securityGroupId", ""),
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ruleOf("securityGroupId", "ingress"),
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   ruleOf("securityGroupId", "egress"),

	"aws:secretsmanager/secretPolicy:SecretPolicy": resourcePolicy("secretsmanager", "secretArn", "secret"),
	typetoken.EventBusPolicy:                       resourcePolicy("events", "eventBusName", "event bus"),
	"aws:dynamodb/resourcePolicy:ResourcePolicy":   resourcePolicy("dynamodb", "resourceArn", "table"),
}

func nothing(*differ) {}

// harmless are properties that are called policies and allow nobody anything.
var harmless = []string{"redrivePolicy", "redriveAllowPolicy", "lifecyclePolicy", "lifecyclePolicies", "deliveryPolicy", "filterPolicy", "retryPolicy", "scalingPolicy", "tracingPolicy", "securityPolicy", "imagePullPolicy", "restartPolicy"}

var policyLike = regexp.MustCompile(`(?i)(polic(y|ies)|policyDocument)$`)

// unknownKind judges kinds of resources that are not in the table: of IAM none
// passes, and of others none that carries a policy.
func unknownKind(d *differ) {
	pkg, _, _ := strings.Cut(d.Type, ":")
	if strings.HasPrefix(d.Type, "aws:iam/") || strings.HasPrefix(d.Type, "aws-native:iam:") {
		d.broadens("%s is a kind of resource whose permissions are not compared: what it allows is not known", d.Type)
		return
	}
	aws := pkg == "aws" || pkg == "aws-native"
	for _, property := range policies(d.Before, d.After, aws) {
		d.broadens("%s carries a policy in %q that is not compared: what it allows is not known", d.Type, property)
	}
}

// policies finds properties that changed and may hold a policy, at any depth:
// by their text and, in a provider of AWS, by their name.
func policies(before, after any, aws bool) []string {
	var out []string
	b, _ := before.(map[string]any)
	a, _ := after.(map[string]any)
	for _, name := range sortedNames(a, b) {
		was, is := valueOf(b[name]), valueOf(a[name])
		if was.same(is) {
			continue
		}
		named := aws && policyLike.MatchString(name) && !slices.Contains(harmless, name)
		if named || hasStatement(b[name]) || hasStatement(a[name]) {
			out = append(out, name)
			continue
		}
		out = append(out, policies(b[name], a[name], aws)...)
		one, _ := b[name].([]any)
		two, _ := a[name].([]any)
		for i := range max(len(one), len(two)) {
			out = append(out, policies(at(one, i), at(two, i), aws)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func sortedNames(maps ...map[string]any) []string {
	var out []string
	for _, m := range maps {
		for name := range m {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// hasStatement says whether a text is a policy document.
func hasStatement(v any) bool {
	text, ok := v.(string)
	var doc map[string]json.RawMessage
	return ok && json.Unmarshal([]byte(text), &doc) == nil && doc["Statement"] != nil
}

package permissions

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"delivery.internal/lib/iam"
	"delivery.internal/lib/sentinel"
)

type m = map[string]any

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

func doc(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func urn(typ string) string { return "urn:pulumi:prod::orders::" + typ + "::thing" }

// judge compares one resource, with others beside it.
func judge(typ string, before, after m, beside ...Change) Finding {
	return Compare(append([]Change{{URN: urn(typ), Type: typ, Before: before, After: after}}, beside...))[0]
}

// with is a map with changes; a nil value takes a key away.
func with(base m, change m) m {
	out := maps.Clone(base)
	for k, v := range change {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

const (
	roleT, policyT, inlineT, attachT = "aws:iam/role:Role", "aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
	userT, groupInlineT              = "aws:iam/user:User", "aws:iam/groupPolicy:GroupPolicy"
	bucketT, bucketPolicyT, blockT   = "aws:s3/bucketV2:BucketV2", "aws:s3/bucketPolicy:BucketPolicy", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	keyT, keyPolicyT, grantT         = "aws:kms/key:Key", "aws:kms/keyPolicy:KeyPolicy", "aws:kms/grant:Grant"
	topicPolicyT, queuePolicyT       = "aws:sns/topicPolicy:TopicPolicy", "aws:sqs/queuePolicy:QueuePolicy"
	queueT, repositoryPolicyT        = "aws:sqs/queue:Queue", "aws:ecr/repositoryPolicy:RepositoryPolicy"
	permissionT, urlT                = "aws:lambda/permission:Permission", "aws:lambda/functionUrl:FunctionUrl"
	groupT, ruleT, ingressT          = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
)

var (
	read1     = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/a"}`
	readAll   = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}`
	write     = `{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::box/a"}`
	denyWrite = `{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}`
	inTLS     = `{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::box","arn:aws:s3:::box/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`

	trust      = m{"name": "r", "assumeRolePolicy": doc(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/deployer"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}}`)}
	inline     = m{"role": "r", "name": "p", "policy": doc(read1, denyWrite)}
	onBucket   = m{"bucket": "box", "policy": doc(inTLS, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/a"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}`)}
	blocked    = m{"bucket": "box", "blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true}
	keyed      = m{"policy": doc(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/a"}}}`)}
	granted    = m{"keyId": "k", "granteePrincipal": "arn:aws:iam::111122223333:role/a", "operations": []any{"Decrypt"}, "constraints": []any{m{"encryptionContextEquals": m{"a": "b"}}}}
	topic      = m{"arn": "arn:aws:sns:us-east-1:111122223333:t", "policy": doc(`{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sns:Publish","Resource":"arn:aws:sns:us-east-1:111122223333:t","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:us-east-1:111122223333:rule/r"}}}`)}
	queue      = m{"queueUrl": "https://sqs.example.com/111122223333/q", "policy": doc(`{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:111122223333:q","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:t"}}}`)}
	repository = m{"repository": "images", "policy": doc(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}`)}
	permitted  = m{"function": "f", "action": "lambda:InvokeFunction", "principal": "events.amazonaws.com", "sourceArn": "arn:aws:events:us-east-1:111122223333:rule/r", "sourceAccount": "111122223333"}
	address    = m{"functionName": "f", "authorizationType": "AWS_IAM"}
	https      = m{"ingress": []any{m{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": []any{"10.0.0.0/8"}}}, "egress": []any{m{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"10.0.0.0/8"}}}}
	rule       = m{"type": "ingress", "securityGroupId": "sg-1", "protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": []any{"10.0.0.0/8"}}
	ingress    = m{"securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrIpv4": "10.0.0.0/8"}
)

// replaced is a document with one text in place of another.
func replaced(base m, property, old, new string) m {
	text := base[property].(string)
	if !strings.Contains(text, old) {
		panic(old + " is not part of " + text)
	}
	return with(base, m{property: strings.ReplaceAll(text, old, new)})
}

// broadenings are changes that let something through, each with a part of the
// sentence that must say what.
var broadenings = []struct {
	name, typ     string
	before, after m
	want          string
}{
	{"a role that is new", roleT, nil, trust, "arn:aws:iam::111122223333:role/deployer may call sts:AssumeRole on role thing if sts:ExternalId StringEquals [x1]"},
	{"a trust without its external id", roleT, trust, replaced(trust, "assumeRolePolicy", `,"Condition":{"StringEquals":{"sts:ExternalId":"x1"}}`, ""), "no longer only if sts:ExternalId StringEquals [x1]"},
	{"a trust in another external id", roleT, trust, replaced(trust, "assumeRolePolicy", `"x1"`, `["x1","x2"]`), "[x1, x2]"},
	{"a trust that matches external ids", roleT, trust, replaced(replaced(trust, "assumeRolePolicy", "StringEquals", "StringLike"), "assumeRolePolicy", "x1", "x*"), "StringLike [x*]"},
	{"a trust that asks only if there is an external id", roleT, trust, replaced(trust, "assumeRolePolicy", "StringEquals", "StringEqualsIfExists"), "StringEqualsIfExists"},
	{"a trust in another role", roleT, trust, replaced(trust, "assumeRolePolicy", "role/deployer", "role/other"), "role/other may call sts:AssumeRole"},
	{"a trust in the account", roleT, trust, replaced(trust, "assumeRolePolicy", "role/deployer", "root"), "root may call sts:AssumeRole"},
	{"a trust in everybody", roleT, trust, replaced(trust, "assumeRolePolicy", `{"AWS":"arn:aws:iam::111122223333:role/deployer"}`, `"*"`), "everybody may call sts:AssumeRole"},
	{"a trust that also tags sessions", roleT, trust, replaced(trust, "assumeRolePolicy", `"sts:AssumeRole"`, `["sts:AssumeRole","sts:TagSession"]`), "may call sts:TagSession"},
	{"a trust that is computed", roleT, trust, with(trust, m{"assumeRolePolicy": unknown}), "is not known before the deployment"},
	{"a trust that is secret", roleT, trust, with(trust, m{"assumeRolePolicy": "[secret]"}), "is not known before the deployment"},
	{"a trust that is a wrapped secret", roleT, trust, with(trust, m{"assumeRolePolicy": m{sentinel.Signature: "1b47061264138c4ac30d75fd1eb44270", "value": "x"}}), "is not known before the deployment"},
	{"a trust that can't be read", roleT, trust, with(trust, m{"assumeRolePolicy": "{"}), "can't be read"},
	{"a boundary that is lifted", roleT, with(trust, m{"permissionsBoundary": "arn:aws:iam::111122223333:policy/b"}), trust, "no longer limited by the permissions boundary arn:aws:iam::111122223333:policy/b"},
	{"a boundary that is another", roleT, with(trust, m{"permissionsBoundary": "arn:aws:iam::111122223333:policy/b"}), with(trust, m{"permissionsBoundary": "arn:aws:iam::111122223333:policy/c"}), "policy/c instead of arn:aws:iam::111122223333:policy/b"},
	{"a boundary that is computed", roleT, with(trust, m{"permissionsBoundary": "arn:aws:iam::111122223333:policy/b"}), with(trust, m{"permissionsBoundary": unknown}), "not known before the deployment"},
	{"a user's boundary that is lifted", userT, m{"name": "u", "permissionsBoundary": "b"}, m{"name": "u"}, "no longer limited"},
	{"an inline policy of the role itself", roleT, trust, with(trust, m{"inlinePolicies": []any{m{"name": "p", "policy": doc(read1)}}}), "role thing may call s3:GetObject on arn:aws:s3:::box/a"},
	{"inline policies that are computed", roleT, trust, with(trust, m{"inlinePolicies": unknown}), "inline policies of role thing are not known"},
	{"a managed policy of the role itself", roleT, trust, with(trust, m{"managedPolicyArns": []any{"arn:aws:iam::aws:policy/AdministratorAccess"}}), "AdministratorAccess"},
	{"managed policies that are computed", roleT, trust, with(trust, m{"managedPolicyArns": unknown}), "not known"},

	{"an inline policy that is new", inlineT, nil, inline, "role r may call s3:GetObject on arn:aws:s3:::box/a"},
	{"another action", inlineT, inline, with(inline, m{"policy": doc(read1, denyWrite, write)}), "may call s3:PutObject on arn:aws:s3:::box/a"},
	{"a wildcard in the action", inlineT, inline, replaced(inline, "policy", "s3:GetObject", "s3:Get*"), "may call s3:Get*"},
	{"all actions but some", inlineT, inline, replaced(inline, "policy", `"Action":"s3:GetObject"`, `"NotAction":"iam:*"`), "every action but iam:*"},
	{"more resources", inlineT, inline, replaced(inline, "policy", "box/a", "box/*"), "on arn:aws:s3:::box/*"},
	{"all resources", inlineT, inline, replaced(inline, "policy", "arn:aws:s3:::box/a", "*"), "on every resource"},
	{"all resources but some", inlineT, inline, replaced(inline, "policy", `"Resource":"arn:aws:s3:::box/a"`, `"NotResource":"arn:aws:s3:::safe/*"`), "every resource but arn:aws:s3:::safe/*"},
	{"a deny that goes", inlineT, inline, with(inline, m{"policy": doc(read1)}), "s3:PutObject on every resource is no longer always denied to role r"},
	{"a deny for fewer resources", inlineT, inline, with(inline, m{"policy": doc(read1, `{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::box/*"}`)}), "no longer always denied"},
	{"a deny with a condition", inlineT, inline, with(inline, m{"policy": doc(read1, `{"Effect":"Deny","Action":"s3:PutObject","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"false"}}}`)}), "no longer always denied"},
	{"a deny for all but more", inlineT, with(inline, m{"policy": doc(`{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*"}`)}), with(inline, m{"policy": doc(`{"Effect":"Deny","NotAction":["s3:*","iam:PassRole"],"Resource":"*"}`)}), "every action but s3:* on every resource is no longer always denied"},
	{"an allow of all but less", inlineT, with(inline, m{"policy": doc(`{"Effect":"Allow","NotAction":["s3:*","iam:*"],"Resource":"*"}`)}), with(inline, m{"policy": doc(`{"Effect":"Allow","NotAction":["s3:*"],"Resource":"*"}`)}), "every action but s3:*"},
	{"an inline policy of another role", inlineT, inline, with(inline, m{"role": "admin"}), "role admin may call s3:GetObject"},
	{"an inline policy of a role that is computed", inlineT, inline, with(inline, m{"role": unknown}), "may call s3:GetObject"},
	{"an inline policy with a deny that goes", inlineT, inline, nil, "no longer always denied"},
	{"a policy that was computed", inlineT, with(inline, m{"policy": unknown}), inline, "before is not known"},
	{"a group's policy", groupInlineT, nil, m{"group": "g", "policy": doc(read1)}, "group g may call"},
	{"a managed policy", policyT, m{"name": "p", "policy": doc(read1)}, m{"name": "p", "policy": doc(readAll)}, "whoever has the policy thing may call s3:GetObject on arn:aws:s3:::box/*"},
	{"a value more in a condition", policyT, m{"policy": doc(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`)},
		m{"policy": doc(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}}}`)}, "[us-east-1, eu-west-1]"},
	{"a value less in a negated condition", policyT, m{"policy": doc(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["a","b"]}}}`)},
		m{"policy": doc(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"a"}}}`)}, "no longer only if"},
	{"an attachment of a policy of AWS", attachT, nil, m{"role": "r", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, "role r may do all that policy arn:aws:iam::aws:policy/ReadOnlyAccess allows"},
	{"an attachment that is another", attachT, m{"role": "r", "policyArn": "a"}, m{"role": "r", "policyArn": "b"}, "role r may do all that policy b allows"},
	{"an attachment that is computed", attachT, nil, m{"role": "r", "policyArn": unknown}, "(not known before the deployment)"},
	{"an attachment that goes", attachT, m{"role": "r", "policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}, nil, "what it denies, if anything, is not known here"},
	{"a shared attachment with one more user", "aws:iam/policyAttachment:PolicyAttachment", m{"policyArn": "a", "users": []any{"u"}}, m{"policyArn": "a", "users": []any{"u", "v"}}, "user v may do all"},
	{"a kind of IAM that nobody knows", "aws:iam/accessKey:AccessKey", nil, m{"user": "u"}, "not compared"},
	{"a user in a group", "aws:iam/userGroupMembership:UserGroupMembership", nil, m{"user": "u", "groups": []any{"g"}}, "not compared"},

	{"a bucket policy without its TLS", bucketPolicyT, onBucket, with(onBucket, m{"policy": doc(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/a"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}`)}), "s3:* on arn:aws:s3:::box and arn:aws:s3:::box/* is no longer always denied to everybody if aws:SecureTransport Bool [false]"},
	{"a bucket policy that goes", bucketPolicyT, onBucket, nil, "no longer always denied"},
	{"a bucket policy for everybody", bucketPolicyT, onBucket, replaced(onBucket, "policy", `{"AWS":"arn:aws:iam::111122223333:role/a"}`, `"*"`), "everybody may call s3:GetObject on arn:aws:s3:::box/*"},
	{"a bucket policy for all but one", bucketPolicyT, onBucket, replaced(onBucket, "policy", `"Principal":{"AWS"`, `"NotPrincipal":{"AWS"`), "everybody but arn:aws:iam::111122223333:role/a"},
	{"a deny for fewer people", bucketPolicyT, onBucket, replaced(onBucket, "policy", `"Deny","Principal":"*"`, `"Deny","Principal":{"AWS":"111122223333"}`), "no longer always denied to everybody"},
	{"a bucket's own policy", bucketT, m{"bucket": "box"}, m{"bucket": "box", "policy": onBucket["policy"]}, "role/a may call"},
	{"a bucket that is readable", bucketT, m{"bucket": "box"}, m{"bucket": "box", "acl": "public-read"}, "becomes public-read"},
	{"an ACL", "aws:s3/bucketAclV2:BucketAclV2", nil, m{"bucket": "box", "acl": "public-read-write"}, "becomes public-read-write"},
	{"an ACL with grants", "aws:s3/bucketAclV2:BucketAclV2", nil, m{"bucket": "box", "accessControlPolicy": m{"grants": []any{}}}, "whom it lets in"},
	{"objects of their writers", "aws:s3/bucketOwnershipControls:BucketOwnershipControls", nil, m{"bucket": "box", "rule": m{"objectOwnership": "ObjectWriter"}}, "ACLs take effect"},
	{"public ACLs that may be put", blockT, blocked, with(blocked, m{"blockPublicAcls": false}), "ACLs may make bucket or account thing and its objects public"},
	{"public policies that may be put", blockT, blocked, with(blocked, m{"blockPublicPolicy": nil}), "policies may make"},
	{"public ACLs that count", blockT, blocked, with(blocked, m{"ignorePublicAcls": false}), "take effect"},
	{"public policies that reach others", blockT, blocked, with(blocked, m{"restrictPublicBuckets": unknown}), "lets in other accounts"},
	{"a block that goes", blockT, blocked, nil, "public"},
	{"a block of a new bucket that blocks less than AWS does", blockT, nil, with(blocked, m{"blockPublicPolicy": false}), "policies may make"},
	{"a block that moves", blockT, blocked, with(blocked, m{"bucket": "other"}), "box"},

	{"a key policy without its condition", keyT, keyed, replaced(keyed, "policy", `,"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/a"}}`, ""), "no longer only if aws:PrincipalArn StringEquals"},
	{"a key policy for one role more", keyT, keyed, replaced(keyed, "policy", `"aws:PrincipalArn":"arn:aws:iam::111122223333:role/a"`, `"aws:PrincipalArn":["arn:aws:iam::111122223333:role/a","arn:aws:iam::111122223333:role/b"]`), "role/b"},
	{"a key with the default policy", keyT, keyed, m{}, "the account's own policies may call kms:*"},
	{"a key that is new", keyT, nil, keyed, "may call kms:Decrypt on thing"},
	{"a key policy of its own that goes", keyPolicyT, with(keyed, m{"keyId": "k"}), nil, "kms:*"},
	{"a key policy that is computed", keyPolicyT, nil, m{"keyId": "k", "policy": unknown}, "is not known"},
	{"a grant", grantT, nil, granted, "arn:aws:iam::111122223333:role/a may call kms:Decrypt on k if"},
	{"a grant of more", grantT, granted, with(granted, m{"operations": []any{"Decrypt", "CreateGrant"}}), "kms:CreateGrant"},
	{"a grant without its context", grantT, granted, with(granted, m{"constraints": nil}), "no longer only if"},
	{"a grant for a part of its context", grantT, granted, with(granted, m{"constraints": []any{m{"encryptionContextSubset": m{"a": "b"}}}}), "kms:EncryptionContextKeys"},
	{"a grant to another", grantT, granted, with(granted, m{"granteePrincipal": "arn:aws:iam::444455556666:root"}), "444455556666"},
	{"a grant to somebody who is computed", grantT, granted, with(granted, m{"granteePrincipal": unknown}), "a value not known after the deployment"},
	{"a grant with a context that is computed", grantT, granted, with(granted, m{"constraints": unknown}), "no longer only if"},

	{"a topic for every rule", topicPolicyT, topic, replaced(topic, "policy", `,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:us-east-1:111122223333:rule/r"}}`, ""), "events.amazonaws.com may call sns:Publish"},
	{"a topic for rules of any account", topicPolicyT, topic, replaced(topic, "policy", `us-east-1:111122223333:rule/r`, `*:*:rule/r`), "arn:aws:events:*:*:rule/r"},
	{"a topic that others may subscribe to", topicPolicyT, topic, replaced(topic, "policy", `"sns:Publish"`, `["sns:Publish","sns:Subscribe"]`), "sns:Subscribe"},
	{"a topic's own policy", "aws:sns/topic:Topic", m{"name": "t"}, m{"name": "t", "policy": topic["policy"]}, "sns:Publish"},
	{"a queue for another service", queuePolicyT, queue, replaced(queue, "policy", "sns.amazonaws.com", "events.amazonaws.com"), "events.amazonaws.com may call sqs:SendMessage"},
	{"a queue for every topic of the account", queuePolicyT, queue, replaced(queue, "policy", `111122223333:t`, `111122223333:*`), "111122223333:*"},
	{"a queue's own policy", queueT, m{"name": "q"}, m{"name": "q", "policy": queue["policy"]}, "sqs:SendMessage"},
	{"a repository that is written", repositoryPolicyT, repository, replaced(repository, "policy", `"ecr:BatchGetImage"`, `"ecr:BatchGetImage","ecr:PutImage"`), "ecr:PutImage"},
	{"a repository for another account", repositoryPolicyT, repository, replaced(repository, "policy", "111122223333", "444455556666"), "arn:aws:iam::444455556666:root may call ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on repository images"},

	{"a function without its source", permissionT, permitted, with(permitted, m{"sourceArn": nil}), "no longer only if aws:SourceArn ArnLike"},
	{"a function without its source's account", permissionT, permitted, with(permitted, m{"sourceAccount": nil}), "no longer only if aws:SourceAccount"},
	{"a function for a source that is computed", permissionT, permitted, with(permitted, m{"sourceArn": unknown}), "(a value not known after the deployment)"},
	{"a function for everybody", permissionT, permitted, with(permitted, m{"principal": "*"}), "everybody may call lambda:InvokeFunction"},
	{"a function for another account", permissionT, permitted, with(permitted, m{"principal": "444455556666"}), "444455556666"},
	{"a function for more actions", permissionT, permitted, with(permitted, m{"action": "lambda:*"}), "lambda:*"},
	{"another function", permissionT, permitted, with(permitted, m{"function": "g"}), "on g"},
	{"another function, computed", permissionT, permitted, with(permitted, m{"function": unknown}), "a value not known"},
	{"a permission that is new", permissionT, nil, permitted, "events.amazonaws.com may call lambda:InvokeFunction on f"},
	{"an address without credentials", urlT, address, with(address, m{"authorizationType": "NONE"}), "answers without credentials"},
	{"a new address without credentials", urlT, nil, m{"functionName": "f", "authorizationType": "NONE"}, "answers without credentials"},
	{"an address whose kind is computed", urlT, address, with(address, m{"authorizationType": unknown}), "answers without credentials"},
	{"a layer for everybody", "aws:lambda/layerVersionPermission:LayerVersionPermission", nil, m{"layerName": "l", "versionNumber": 1.0, "principal": "*", "action": "lambda:GetLayerVersion"}, "everybody may call lambda:GetLayerVersion on l:1"},

	{"a group for more addresses", groupT, https, with(https, m{"ingress": []any{m{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": []any{"0.0.0.0/0"}}}}), "0.0.0.0/0 reaches the members of security group thing: protocol 6, ports 443 to 443"},
	{"a group for more ports", groupT, https, with(https, m{"ingress": []any{m{"protocol": "tcp", "fromPort": 22.0, "toPort": 443.0, "cidrBlocks": []any{"10.0.0.0/8"}}}}), "ports 22 to 443"},
	{"a group for more protocols", groupT, https, with(https, m{"ingress": []any{m{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"10.0.0.0/8"}}}}), "all traffic"},
	{"a group that reaches more", groupT, https, with(https, m{"egress": []any{m{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}}}}), "lets its members reach 0.0.0.0/0"},
	{"a group for IPv6", groupT, https, with(https, m{"ingress": []any{m{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "ipv6CidrBlocks": []any{"::/0"}}}}), "::/0"},
	{"a group for another group", groupT, https, with(https, m{"ingress": []any{m{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "securityGroups": []any{"sg-2"}}}}), "sg-2 reaches"},
	{"a group for itself", groupT, https, with(https, m{"ingress": []any{m{"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "self": true}}}), "the group itself reaches"},
	{"a group whose rules are computed", groupT, https, with(https, m{"ingress": unknown}), "not known"},
	{"a group with a port that is computed", groupT, https, with(https, m{"ingress": []any{m{"protocol": "tcp", "fromPort": unknown, "toPort": 443.0, "cidrBlocks": []any{"10.0.0.0/8"}}}}), "not known"},
	{"a rule", ruleT, nil, rule, "10.0.0.0/8 reaches the members of security group sg-1"},
	{"a rule the other way", ruleT, rule, with(rule, m{"type": "egress"}), "lets its members reach"},
	{"a rule whose direction is computed", ruleT, with(rule, m{"type": unknown}), with(rule, m{"type": unknown}), "not known"},
	{"a rule of another group", ruleT, rule, with(rule, m{"securityGroupId": "sg-9"}), "sg-9"},
	{"a rule of its own kind", ingressT, ingress, with(ingress, m{"cidrIpv4": "0.0.0.0/0"}), "0.0.0.0/0 reaches"},
	{"a rule for all ports", ingressT, ingress, with(ingress, m{"ipProtocol": "-1", "fromPort": nil, "toPort": nil}), "all traffic"},

	{"a policy of a kind that nobody compares", "aws:efs/fileSystemPolicy:FileSystemPolicy", nil, m{"policy": doc(read1)}, `carries a policy in "policy" that is not compared`},
	{"a policy of such a kind that is computed", "aws:opensearch/domain:Domain", m{"accessPolicies": "{}"}, m{"accessPolicies": unknown}, `"accessPolicies"`},
	{"a policy by its text", "aws:glacier/vault:Vault", nil, m{"settings": m{"text": doc(read1)}}, `"text"`},
	{"a policy in a list", "aws:verifiedaccess/x:X", nil, m{"endpoints": []any{m{"policyDocument": "permit"}}}, `"policyDocument"`},
	{"a policy of another provider", "kubernetes:core/v1:ConfigMap", nil, m{"data": m{"a": doc(read1)}}, "not compared"},
	{"a secret's policy", "aws:secretsmanager/secretPolicy:SecretPolicy", nil, m{"secretArn": "s", "policy": doc(`{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}`)}, "everybody may call secretsmanager:GetSecretValue"},
}

func TestEachBroadeningIsNoticedAndSaid(t *testing.T) {
	t.Parallel()
	for _, c := range broadenings {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := judge(c.typ, c.before, c.after)
			require.Equal(t, iam.Broadened, f.Verdict)
			var said []string
			for _, b := range f.Broadenings {
				said = append(said, b.Sentence)
			}
			require.Contains(t, strings.Join(said, "\n"), c.want)
		})
	}
	t.Logf("%d broadenings", len(broadenings))
}

// TestTheWayBackIsNotCalledTheSame holds that what broadens one way never counts
// as unchanged the other way, where both sides are known.
func TestTheWayBackIsNotCalledTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range broadenings {
		if !hasUnknown(c.before) && !hasUnknown(c.after) && !strings.Contains(c.name, "ACL with grants") {
			require.True(t, judge(c.typ, c.after, c.before).Verdict != iam.Unchanged || kinds[c.typ] == nil, c.name)
		}
	}
}

func TestWhatNarrowsPassesInSilence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, typ     string
		before, after m
		want          iam.Verdict
	}{
		{"the same", inlineT, inline, inline, iam.Unchanged},
		{"a tag", roleT, trust, with(trust, m{"tags": m{"a": "b"}}), iam.Unchanged},
		{"a tag that is computed", roleT, trust, with(trust, m{"tags": unknown}), iam.Unchanged},
		{"white space", inlineT, inline, replaced(inline, "policy", `{"Effect"`, ` { "Effect"`), iam.Unchanged},
		{"another order", inlineT, inline, with(inline, m{"policy": doc(denyWrite, read1)}), iam.Unchanged},
		{"a document as an object", policyT, m{"policy": `{"Statement":[]}`}, m{"policy": m{"Statement": []any{}}}, iam.Unchanged},
		{"a Sid", inlineT, inline, replaced(inline, "policy", `{"Effect":"Allow"`, `{"Sid":"Read","Effect":"Allow"`), iam.Unchanged},
		{"fewer resources", inlineT, with(inline, m{"policy": doc(readAll)}), with(inline, m{"policy": doc(read1)}), iam.Narrowed},
		{"statements split", inlineT, with(inline, m{"policy": doc(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::box/a"}`)}), with(inline, m{"policy": doc(read1, write)}), iam.Unchanged},
		{"a condition more", policyT, m{"policy": doc(read1)}, m{"policy": doc(strings.TrimSuffix(read1, "}") + `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}}`)}, iam.Narrowed},
		{"a deny more", inlineT, with(inline, m{"policy": doc(read1)}), inline, iam.Narrowed},
		{"an inline policy without a deny that goes", inlineT, with(inline, m{"policy": doc(read1)}), nil, iam.Narrowed},
		{"a role that goes", roleT, with(trust, m{"permissionsBoundary": "b", "managedPolicyArns": []any{"x"}}), nil, iam.Narrowed},
		{"a boundary that is new", roleT, trust, with(trust, m{"permissionsBoundary": "b"}), iam.Narrowed},
		{"a bucket policy that only denies", bucketPolicyT, nil, m{"bucket": "box", "policy": doc(inTLS)}, iam.Narrowed},
		{"a block that blocks", blockT, with(blocked, m{"blockPublicAcls": false}), blocked, iam.Narrowed},
		{"a block of a new bucket", blockT, nil, blocked, iam.Narrowed},
		{"a key that goes", keyT, keyed, nil, iam.Narrowed},
		{"a grant of less", grantT, with(granted, m{"operations": []any{"Decrypt", "Encrypt"}}), granted, iam.Narrowed},
		{"a permission that goes", permissionT, permitted, nil, iam.Narrowed},
		{"a source that is narrower", permissionT, with(permitted, m{"sourceArn": "arn:aws:events:us-east-1:111122223333:rule/*"}), permitted, iam.Narrowed},
		{"an address with credentials", urlT, with(address, m{"authorizationType": "NONE"}), address, iam.Narrowed},
		{"a new address with credentials", urlT, nil, address, iam.Unchanged},
		{"fewer addresses", groupT, https, with(https, m{"ingress": []any{m{"protocol": "6", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": []any{"10.1.0.0/16"}}}}), iam.Narrowed},
		{"a protocol by its number", groupT, https, with(https, m{"ingress": []any{m{"protocol": "6", "fromPort": 443.0, "toPort": 443.0, "cidrBlocks": []any{"10.0.0.0/8"}}}}), iam.Unchanged},
		{"a rule that goes", ruleT, rule, nil, iam.Narrowed},
		{"a queue that is new", queueT, nil, m{"name": "q", "redrivePolicy": unknown}, iam.Unchanged},
		{"a lifecycle", "aws:ecr/lifecyclePolicy:LifecyclePolicy", nil, m{"policy": `{"rules":[]}`}, iam.Unchanged},
		{"a subscription", "aws:sns/topicSubscription:TopicSubscription", nil, m{"filterPolicy": unknown}, iam.Unchanged},
		{"something else", "aws:dynamodb/table:Table", nil, m{"name": "t", "streamArn": unknown}, iam.Unchanged},
		{"a policy of another provider's kind by name only", "kubernetes:core/v1:Pod", nil, m{"restartPolicy": "Always", "updatePolicy": "x"}, iam.Unchanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := judge(c.typ, c.before, c.after)
			require.Equal(t, c.want, f.Verdict, "%+v", f.Broadenings)
			require.Empty(t, f.Broadenings)
		})
	}
}

// TestWhatHappensTogetherIsJudgedTogether: a policy that is attached is looked
// at, and what goes with its holder is not a broadening.
func TestWhatHappensTogetherIsJudgedTogether(t *testing.T) {
	t.Parallel()
	custom := m{"name": "p", "path": "/app/", "policy": doc(read1)}
	arn := "arn:aws:iam::111122223333:policy/app/p"
	known := Change{Type: policyT, URN: urn(policyT), Before: custom, After: custom}
	attached := m{"role": "r", "policyArn": arn}

	f := judge(attachT, nil, attached, known)
	require.Equal(t, iam.Broadened, f.Verdict)
	require.Equal(t, "role r may call s3:GetObject on arn:aws:s3:::box/a", f.Broadenings[0].Sentence)
	require.Equal(t, iam.Narrowed, judge(attachT, attached, nil, known).Verdict)

	denying := with(custom, m{"policy": doc(read1, denyWrite)})
	require.Equal(t, iam.Broadened, judge(attachT, attached, nil, Change{Type: policyT, Before: denying, After: denying}).Verdict)

	role := Change{Type: roleT, URN: urn(roleT), Before: trust}
	require.Equal(t, iam.Narrowed, judge(attachT, attached, nil, role).Verdict)
	require.Equal(t, iam.Narrowed, judge(inlineT, inline, nil, role).Verdict)
	require.Equal(t, iam.Narrowed, judge(bucketPolicyT, onBucket, nil, Change{Type: bucketT, Before: m{"bucket": "box"}}).Verdict)
	require.Equal(t, iam.Narrowed, judge(blockT, blocked, nil, Change{Type: bucketT, Before: m{"bucket": "box"}}).Verdict)
	require.Equal(t, iam.Broadened, judge(bucketPolicyT, onBucket, nil, Change{Type: bucketT, Before: m{"bucket": "other"}}).Verdict)

	limited := func(arn string) m { return with(trust, m{"permissionsBoundary": arn}) }
	wide := Change{Type: policyT, Before: m{"name": "w", "policy": doc(readAll)}, After: m{"name": "w", "policy": doc(readAll)}}
	require.Equal(t, iam.Narrowed, judge(roleT, limited("arn:aws:iam::111122223333:policy/w"), limited(arn), known, wide).Verdict)
	require.Equal(t, iam.Broadened, judge(roleT, limited(arn), limited("arn:aws:iam::111122223333:policy/w"), known, wide).Verdict)
}

// TestNothingThatIsNotKnownPasses makes every input of every kind unknown.
func TestNothingThatIsNotKnownPasses(t *testing.T) {
	t.Parallel()
	allowed := []string{"aws:iam/group:Group", "aws:iam/user:User", "aws:sns/topicSubscription:TopicSubscription", "aws:sqs/redrivePolicy:RedrivePolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "aws:ecr/lifecyclePolicy:LifecyclePolicy"}
	for typ := range kinds {
		inputs := m{}
		for _, property := range []string{"policy", "assumeRolePolicy", "role", "user", "group", "roles", "users", "groups", "policyArn", "bucket", "acl", "rule", "blockPublicAcls", "keyId", "granteePrincipal", "operations",
			"arn", "queueUrl", "repository", "function", "action", "principal", "functionName", "authorizationType", "ingress", "egress", "type", "securityGroupId", "cidrIpv4", "layerName"} {
			inputs[property] = unknown
		}
		for name, before := range map[string]m{"new": nil, "as unknown before": inputs} {
			require.Equal(t, !slices.Contains(allowed, typ), judge(typ, before, inputs).Verdict == iam.Broadened, "%s, %s", typ, name)
		}
	}
}

// TestTrafficIsComparedAsPackets draws rules and packets.
func TestTrafficIsComparedAsPackets(t *testing.T) {
	t.Parallel()
	peers := []any{"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.1.0.0/16", "10.1.2.3/32", "::/0", "sg-2"}
	draw := func(t *rapid.T) m {
		from := rapid.IntRange(0, 5).Draw(t, "from")
		return m{"type": rapid.SampledFrom([]string{"ingress", "egress"}).Draw(t, "type"), "securityGroupId": "sg-1",
			"protocol": rapid.SampledFrom([]string{"-1", "all", "tcp", "6", "udp"}).Draw(t, "protocol"), "fromPort": float64(from), "toPort": float64(from + rapid.IntRange(0, 5).Draw(t, "more")),
			"cidrBlocks": []any{rapid.SampledFrom(peers).Draw(t, "peer")}}
	}
	rapid.Check(t, func(t *rapid.T) {
		before, after := draw(t), draw(t)
		if judge(ruleT, before, after).Verdict == iam.Broadened {
			return
		}
		number := func(p any) string {
			return map[any]string{"all": "-1", "tcp": "6", "udp": "17"}[p] + map[any]string{"6": "6", "-1": "-1"}[p]
		}
		passes := func(rule m, direction, protocol string, port float64, peer any) bool {
			open := number(rule["protocol"]) == "-1" || number(rule["protocol"]) == protocol && rule["fromPort"].(float64) <= port && port <= rule["toPort"].(float64)
			hosts := map[any][]any{"0.0.0.0/0": {"10.0.0.0/8", "10.0.0.0/9", "10.1.0.0/16", "10.1.2.3/32"}, "10.0.0.0/8": {"10.0.0.0/9", "10.1.0.0/16", "10.1.2.3/32"}, "10.0.0.0/9": {"10.1.0.0/16", "10.1.2.3/32"}, "10.1.0.0/16": {"10.1.2.3/32"}}
			from := rule["cidrBlocks"].([]any)[0]
			return rule["type"] == direction && open && (from == peer || slices.Contains(hosts[from], peer))
		}
		for _, direction := range []string{"ingress", "egress"} {
			for _, protocol := range []string{"6", "17", "50"} {
				for port := range 11 {
					for _, peer := range peers {
						if passes(after, direction, protocol, float64(port), peer) {
							require.True(t, passes(before, direction, protocol, float64(port), peer), "%v -> %v lets %s %d from %v through", before, after, protocol, port, peer)
						}
					}
				}
			}
		}
	})
}

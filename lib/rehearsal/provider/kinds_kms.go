package provider

import (
	"fmt"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/kmskey"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// keySpecs: see CreateKey in the KMS API.
var keySpecs = []string{
	"SYMMETRIC_DEFAULT", "RSA_2048", "RSA_3072", "RSA_4096", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512",
	"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "SM2",
}

func kmsKinds() []Kind { return []Kind{keyKind(), aliasKind()} }

func keyKind() Kind {
	return Kind{
		Token: typetoken.Key,
		ID:    uuid,
		ARN:   arnOf("kms", "key/"),
		Inputs: map[string]Input{
			"description":                    text.between(0, 8192),
			"policy":                         text.policy(iam.Resource("kms")).computed(),
			"enableKeyRotation":              flag.def(false),
			"rotationPeriodInDays":           number.between(90, 2560).computed(),
			"deletionWindowInDays":           number.between(7, 30),
			"isEnabled":                      flag.def(true),
			"keyUsage":                       text.enum("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT").def("ENCRYPT_DECRYPT").replaces(),
			"customerMasterKeySpec":          text.enum(keySpecs...).def("SYMMETRIC_DEFAULT").replaces(),
			"multiRegion":                    flag.def(false).replaces(),
			"bypassPolicyLockoutSafetyCheck": flag.def(false),
			"tags":                           tags,
		},
		Plan:     planKey,
		Computed: []string{"keyId"},
		Outputs:  keyOutputs,
		Delete: func(c *Call) error {
			days, set := c.number("deletionWindowInDays")
			if !set {
				days = 30 // the default of ScheduleKeyDeletion
			}
			c.Cloud.Journal.Add(cloud.Event{Kind: "resource", Subject: c.ARN, Message: fmt.Sprintf("key is pending deletion for %.0f days: nobody can use it any more", days)})
			return nil
		},
		Actions: Actions{
			Create: []string{"kms:CreateKey"}, Read: readKey,
			Update: []string{"kms:PutKeyPolicy"}, Delete: []string{"kms:ScheduleKeyDeletion"},
		},
		UpdateBy: map[string][]string{
			"description": {"kms:UpdateKeyDescription"}, "enableKeyRotation": {"kms:EnableKeyRotation"}, "rotationPeriodInDays": {"kms:EnableKeyRotation"},
			"isEnabled": {"kms:EnableKey"}, "tags": nil, "deletionWindowInDays": nil, "bypassPolicyLockoutSafetyCheck": nil,
		},
	}
}

// readKey is what the provider does to read a key.
var readKey = []string{"kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"}

func planKey(c *Call) error {
	var f failed
	symmetric := (c.Str("customerMasterKeySpec") == "" || c.Str("customerMasterKeySpec") == "SYMMETRIC_DEFAULT") && (c.Str("keyUsage") == "" || c.Str("keyUsage") == "ENCRYPT_DECRYPT")
	f.when(c.isSet("enableKeyRotation") && !symmetric, "enableKeyRotation: KMS rotates symmetric encryption keys only")
	_, period := c.number("rotationPeriodInDays")
	f.when(period && !c.isSet("enableKeyRotation"), "rotationPeriodInDays needs enableKeyRotation to be true")
	return f.err()
}

// defaultKeyPolicy is what KMS gives a key that is created without a policy.
// See "Default key policy".
func defaultKeyPolicy(account string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:*","Resource":"*"}]}`, arns.Root(account))
}

// keyOutputs also does what the provider does with a key that it has just
// created: it reads it and switches rotation on, for which the new key policy
// must leave the caller the right.
func keyOutputs(c *Call) (map[string]any, error) {
	policy := c.Str("policy")
	if policy == "" && c.Old != nil {
		policy = c.Old.Str("policy")
	}
	if policy == "" {
		policy = defaultKeyPolicy(c.Account)
	}
	out := map[string]any{"keyId": c.ID, "policy": policy}
	if c.Old != nil {
		return out, c.authorizeTags("kms:TagResource", "kms:UntagResource")
	}
	actions := readKey
	if c.isSet("enableKeyRotation") {
		actions = append([]string{"kms:EnableKeyRotation"}, actions...)
	}
	if len(c.tagsOf()) > 0 {
		actions = append([]string{"kms:TagResource"}, actions...)
	}
	for _, a := range actions {
		if c.Session == nil {
			break
		}
		if err := c.Cloud.Authorize(cloud.Call{Session: c.Session, Action: a, Resource: c.ARN, Policy: policy}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Call) tagsOf() map[string]any {
	t, _ := c.Inputs["tags"].(map[string]any)
	return t
}

func aliasKind() Kind {
	return Kind{
		Token: typetoken.KeyAlias,
		Name:  "name",
		Taken: "AlreadyExistsException: An alias with the name %s already exists",
		ARN:   arnOf("kms", ""),
		Inputs: map[string]Input{
			"name":        named(awsname.KeyAlias).replaces(),
			"targetKeyId": text.required().refers("id,arn", typetoken.Key),
		},
		Plan: func(c *Call) error {
			if (kmskey.Reference{Alias: c.Str("name")}).Managed() {
				return fmt.Errorf("name is %q: names that begin with alias/aws/ are reserved", c.Str("name"))
			}
			return nil
		},
		// Creating, changing and deleting an alias needs the right on the alias
		// and on every key concerned. See "Controlling access to aliases".
		Target: func(c *Call, _ string) []string {
			out := []string{c.ARN}
			for _, k := range keysOf(c) {
				out = append(out, k.ARN)
			}
			return out
		},
		Computed: []string{"targetKeyArn"},
		Outputs: func(c *Call) (map[string]any, error) {
			keys := keysOf(c)
			if len(keys) == 0 {
				return nil, apierr.BadRequest("NotFoundException", "key %s is gone", c.Str("targetKeyId"))
			}
			return map[string]any{"targetKeyArn": keys[len(keys)-1].ARN}, nil
		},
		Actions: Actions{Create: []string{"kms:CreateAlias"}, Read: []string{"kms:ListAliases"}, Update: []string{"kms:UpdateAlias"}, Delete: []string{"kms:DeleteAlias"}},
	}
}

// keysOf are the keys that an alias points and pointed to, the current last.
// A key that is pending deletion is gone from the table.
func keysOf(c *Call) (out []*cloud.Resource) {
	ids := []string{c.Str("targetKeyId")}
	if c.Old != nil && c.Old.Str("targetKeyId") != ids[0] {
		ids = []string{c.Old.Str("targetKeyId"), ids[0]}
	}
	for _, id := range ids {
		if k := findReferred(c, Reference{Types: []string{typetoken.Key}, By: "id,arn"}, id); k != nil {
			out = append(out, k)
		}
	}
	return out
}

package provider

import (
	"fmt"
	"strings"

	"delivery/lib/rehearsal/cloud"
	"delivery/lib/rehearsal/iam"
)

// aliasType is the type token of key aliases.
const aliasType = "aws:kms/alias:Alias"

func kmsKinds() []Kind {
	keyPolicy := iam.Resource("kms")
	return []Kind{{
		Token: cloud.KeyType,
		ID: func(c *Call) string {
			return fmt.Sprintf("%08x-0000-4000-8000-%012d", c.Cloud.Serial(), c.Cloud.Serial())
		},
		ARN: arnOf("kms", "key/"),
		Inputs: map[string]Input{
			"description":                    text.between(0, 8192),
			"policy":                         text.policy(keyPolicy).computed(),
			"enableKeyRotation":              flag.def(false),
			"rotationPeriodInDays":           number.between(90, 2560).computed(),
			"deletionWindowInDays":           number.between(7, 30),
			"isEnabled":                      flag.def(true),
			"keyUsage":                       text.enum("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC").def("ENCRYPT_DECRYPT").replaces(),
			"customerMasterKeySpec":          text.enum("SYMMETRIC_DEFAULT", "RSA_2048", "RSA_4096", "ECC_NIST_P256").def("SYMMETRIC_DEFAULT").replaces(),
			"multiRegion":                    flag.def(false).replaces(),
			"bypassPolicyLockoutSafetyCheck": flag.def(false),
			"tags":                           tags,
		},
		Computed: []string{"keyId"},
		Outputs:  func(c *Call) (map[string]any, error) { return map[string]any{"keyId": c.ID}, nil },
		Delete: func(c *Call) error {
			c.Cloud.Journal.Add(cloud.Event{Kind: "kms", Subject: c.ARN, Message: "scheduled for deletion: unusable from now on"})
			return nil
		},
		Actions: Actions{
			Create: []string{"kms:CreateKey", "kms:TagResource"}, Read: []string{"kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"},
			Update: []string{"kms:PutKeyPolicy"}, Delete: []string{"kms:ScheduleKeyDeletion"},
		},
	}, {
		Token: aliasType,
		Name:  "name",
		ARN: func(account, name string) string {
			return fmt.Sprintf("arn:aws:kms:%s:%s:%s", cloud.Region, account, name)
		},
		Inputs: map[string]Input{
			"name":        text.match(`alias/[a-zA-Z0-9/_-]{1,250}`).replaces(),
			"targetKeyId": text.required().refers("id,arn", cloud.KeyType),
		},
		Plan: func(c *Call) error {
			if strings.HasPrefix(c.Str("name"), "alias/aws/") {
				return fmt.Errorf("name is %q: names that begin with alias/aws/ are reserved", c.Str("name"))
			}
			return nil
		},
		Computed: []string{"targetKeyArn"},
		Outputs: func(c *Call) (map[string]any, error) {
			key := find(c, Reference{Types: []string{cloud.KeyType}, By: "id,arn"}, c.Str("targetKeyId"))
			return map[string]any{"targetKeyArn": key.ARN}, nil
		},
		Actions: Actions{Create: []string{"kms:CreateAlias"}, Read: []string{"kms:ListAliases"}, Update: []string{"kms:UpdateAlias"}, Delete: []string{"kms:DeleteAlias"}},
	}}
}

package provider

import (
	"encoding/base64"
	"errors"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

const smMaxValue = 65536

// secretsmanagerKinds: constraints from the API model of Secrets Manager
// (CreateSecret, PutSecretValue).
func secretsmanagerKinds() []Kind { return []Kind{smSecret(), smVersion()} }

func smSecret() Kind {
	return Kind{
		Token: typetoken.Secret, Name: "name",
		// The ARN ends with six characters that only AWS knows.
		ARN: func(account, name string) string {
			return arnOf("secretsmanager", "secret:")(account, name) + "-" + mark(6)
		},
		ID:     func(c *Call) string { return c.ARN },
		Inputs: smSecretInputs(),
		Plan: func(c *Call) error {
			f := &failed{}
			f.atMostOne(c, "name", "namePrefix")
			days, set := c.number("recoveryWindowInDays")
			f.when(set && days != 0 && days < 7, "recoveryWindowInDays is %v: expected 0 or 7 to 30", days)
			for _, r := range objects(c.Inputs, "replicas") {
				f.when(str(r, "region") == cloud.Region, "replicas names the secret's own region %s", cloud.Region)
			}
			return f.err()
		},
		Outputs: func(c *Call) (map[string]any, error) {
			if c.Old == nil && c.Cloud.Blob(smBlocked(c)) != nil {
				return nil, apierr.BadRequest("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion: %s", c.Name)
			}
			return nil, errors.Join(c.useKey("kmsKeyId", c.Str("kmsKeyId"), "secretsmanager", "kms:GenerateDataKey", "kms:Decrypt"),
				c.authorizeTags("secretsmanager:TagResource", "secretsmanager:UntagResource"))
		},
		Delete: func(c *Call) error {
			c.removeAll(func(r *cloud.Resource) bool { return r.Str("secretId") == c.ARN }, typetoken.SecretVersion)
			if days, set := c.number("recoveryWindowInDays"); !set || days > 0 {
				c.Cloud.SetBlob(smBlocked(c), []byte("scheduled for deletion")) // the name stays taken
			}
			return nil
		},
		Actions: Actions{
			Create: []string{"secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"},
			Read:   []string{"secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"},
			Update: []string{"secretsmanager:UpdateSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"},
			Delete: []string{"secretsmanager:DeleteSecret"},
		},
	}
}

func smSecretInputs() map[string]Input {
	return map[string]Input{
		"name":                        named(awsname.Secret).replaces(),
		"namePrefix":                  text.replaces(),
		"description":                 text.between(0, 2048),
		"kmsKeyId":                    text,
		"policy":                      text.policy(iam.Resource("secretsmanager")).computed(),
		"recoveryWindowInDays":        number.between(0, 30).def(30.0),
		"forceOverwriteReplicaSecret": flag.def(false),
		"replicas": list(object(map[string]Input{
			"region":           text.required().match(`([a-z]+-)+\d+`),
			"kmsKeyId":         text,
			"lastAccessedDate": text,
			"status":           text,
			"statusMessage":    text,
		})),
		"tags": tags,
	}
}

func smBlocked(c *Call) string { return "secret scheduled for deletion " + c.Account + " " + c.Name }

func smVersion() Kind {
	return Kind{
		Token: typetoken.SecretVersion,
		ID:    func(c *Call) string { return c.Str("secretId") + "|" + uuid(c) },
		Inputs: map[string]Input{
			"secretId":      text.required().replaces().refers("arn,name", typetoken.Secret),
			"secretString":  text.between(1, smMaxValue).replaces().hidden(),
			"secretBinary":  text.replaces().hidden(),
			"versionStages": list(text.between(1, 256)).between(1, 20).computed(),
		},
		Plan: func(c *Call) error {
			f := &failed{}
			f.atMostOne(c, "secretString", "secretBinary")
			f.when(!c.isGiven("secretString") && !c.isGiven("secretBinary"), "secretString or secretBinary is required")
			if b := c.Str("secretBinary"); b != "" {
				raw, err := base64.StdEncoding.DecodeString(b)
				f.when(err != nil || len(raw) == 0 || len(raw) > smMaxValue, "secretBinary is not base64 text of 1 to %d bytes", smMaxValue)
			}
			return f.err()
		},
		Computed: []string{"arn", "versionId"},
		Outputs: func(c *Call) (map[string]any, error) {
			secret := findReferred(c, Reference{Types: []string{typetoken.Secret}, By: "arn,name"}, c.Str("secretId"))
			if secret == nil {
				return nil, apierr.BadRequest("ResourceNotFoundException", "Secrets Manager can't find the specified secret %s", c.Str("secretId"))
			}
			_, id, _ := strings.Cut(c.ID, "|")
			out := map[string]any{"arn": secret.ARN, "versionId": id}
			if c.Inputs["versionStages"] == nil {
				out["versionStages"] = []any{"AWSCURRENT"}
			}
			err := errors.Join(c.authorizeAlso(secret.ARN, nil, "secretsmanager:PutSecretValue", "secretsmanager:GetSecretValue"),
				c.useKey("kmsKeyId", secret.Str("kmsKeyId"), "secretsmanager", "kms:GenerateDataKey", "kms:Decrypt"))
			if err == nil && c.Old == nil {
				if c.Inputs["versionStages"] != nil {
					return nil, errors.New("the local cloud does not play versions with staging labels of their own: leave versionStages out")
				}
				c.Cloud.SecretVersions(secret).Put(cloud.SecretVersion{ID: id, Text: c.Str("secretString"), Created: c.Cloud.Now()})
			}
			return out, err
		},
	}
}

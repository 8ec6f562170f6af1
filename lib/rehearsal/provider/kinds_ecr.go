package provider

import (
	"encoding/json"
	"errors"
	"fmt"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/ecrimage"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// ecrKinds: constraints from the API model of ECR (CreateRepository,
// SetRepositoryPolicy, PutLifecyclePolicy).
func ecrKinds() []Kind {
	of := text.required().replaces().refers("name", typetoken.Repository)
	return []Kind{ecrRepository(), {
		Token:    typetoken.RepositoryPolicy,
		ID:       joinedID("", "repository"),
		Slot:     []string{"repository"},
		Inputs:   map[string]Input{"repository": of, "policy": text.required().between(1, 10240).policy(iam.Resource("ecr"))},
		Computed: []string{"registryId"},
		Outputs:  ecrPart("ecr:SetRepositoryPolicy", "ecr:GetRepositoryPolicy"),
		Delete:   func(c *Call) error { return c.authorizeAlso(ecrARN(c), nil, "ecr:DeleteRepositoryPolicy") },
	}, {
		Token:    typetoken.RepositoryLifecycle,
		ID:       joinedID("", "repository"),
		Slot:     []string{"repository"},
		Inputs:   map[string]Input{"repository": of, "policy": text.required().between(100, 30720).replaces()},
		Plan:     planECRLifecycle,
		Computed: []string{"registryId"},
		Outputs:  ecrPart("ecr:PutLifecyclePolicy", "ecr:GetLifecyclePolicy"),
		Delete:   func(c *Call) error { return c.authorizeAlso(ecrARN(c), nil, "ecr:DeleteLifecyclePolicy") },
	}}
}

func ecrARN(c *Call) string { return arnOf("ecr", "repository/")(c.Account, c.Str("repository")) }

func ecrPart(actions ...string) func(*Call) (map[string]any, error) {
	return func(c *Call) (map[string]any, error) {
		return map[string]any{"registryId": c.Account}, c.authorizeAlso(ecrARN(c), nil, actions...)
	}
}

func ecrRepository() Kind {
	return Kind{
		Token: typetoken.Repository, Name: "name", ARN: arnOf("ecr", "repository/"),
		Inputs: map[string]Input{
			"name": named(awsname.Repository).replaces(),
			"encryptionConfigurations": list(object(map[string]Input{
				"encryptionType": text.enum("AES256", "KMS", "KMS_DSSE"),
				"kmsKey":         keyARN,
			})).between(0, 1).replaces(),
			"forceDelete":                flag,
			"imageScanningConfiguration": object(map[string]Input{"scanOnPush": flag.required()}),
			"imageTagMutability":         text.enum("MUTABLE", "IMMUTABLE").def("MUTABLE"),
			"tags":                       tags,
		},
		Plan: func(c *Call) error {
			for _, e := range objects(c.Inputs, "encryptionConfigurations") {
				if t := str(e, "encryptionType"); str(e, "kmsKey") != "" && t != "KMS" && t != "KMS_DSSE" {
					return fmt.Errorf("encryptionConfigurations has a kmsKey and typetoken.BucketEncryption %q: expected KMS", t)
				}
			}
			return nil
		},
		Computed: []string{"registryId", "repositoryUrl"},
		Outputs: func(c *Call) (map[string]any, error) {
			var err error
			if c.Old == nil {
				// ECR makes grants in the caller's name. See "Encryption at rest"
				// in the ECR user guide.
				err = c.useKey("kmsKey", str(c.Inputs, "encryptionConfigurations.0.kmsKey"), "ecr", "kms:CreateGrant", "kms:DescribeKey")
			}
			return map[string]any{
				"registryId":    c.Account,
				"repositoryUrl": ecrimage.Registry(c.Account, cloud.Region) + "/" + c.Name,
			}, errors.Join(err, c.authorizeTags("ecr:TagResource", "ecr:UntagResource"))
		},
		Delete: deleteECRRepository,
		Actions: Actions{
			Create: []string{"ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:ListTagsForResource"},
			Read:   []string{"ecr:DescribeRepositories", "ecr:ListTagsForResource"},
			Update: []string{"ecr:PutImageTagMutability", "ecr:PutImageScanningConfiguration", "ecr:DescribeRepositories", "ecr:ListTagsForResource"},
			Delete: []string{"ecr:DeleteRepository"},
		},
	}
}

// deleteECRRepository: DeleteRepository wants force for a repository that has
// images, and takes them and its policies with it.
func deleteECRRepository(c *Call) error {
	images := c.Cloud.Images(c.Account, c.Name)
	if len(images) > 0 && !c.isSet("forceDelete") {
		return apierr.BadRequest("RepositoryNotEmptyException", "The repository with name '%s' cannot be deleted because it still contains %d images: set forceDelete", c.Name, len(images))
	}
	c.removeAll(func(r *cloud.Resource) bool { return r.Str("repository") == c.Name }, typetoken.RepositoryPolicy, typetoken.RepositoryLifecycle)
	return nil
}

// planECRLifecycle: see "Lifecycle policy properties" in the ECR user guide.
func planECRLifecycle(c *Call) error {
	var doc struct {
		Rules []struct {
			Priority    *int   `json:"rulePriority"`
			Description string `json:"description"`
			Selection   struct {
				Status   string   `json:"tagStatus"`
				Prefixes []string `json:"tagPrefixList"`
				Patterns []string `json:"tagPatternList"`
				Type     string   `json:"countType"`
				Unit     string   `json:"countUnit"`
				Number   int      `json:"countNumber"`
			} `json:"selection"`
			Action struct {
				Type string `json:"type"`
			} `json:"action"`
		} `json:"rules"`
	}
	if c.Str("policy") == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(c.Str("policy")), &doc); err != nil {
		return fmt.Errorf("InvalidParameterException: policy is not a lifecycle policy: %w", err)
	}
	f, seen := &failed{}, map[int]bool{}
	f.when(len(doc.Rules) == 0 || len(doc.Rules) > 50, "policy has %d rules: expected 1 to 50", len(doc.Rules))
	for i, r := range doc.Rules {
		at := fmt.Sprintf("policy.rules[%d]", i)
		if r.Priority == nil || *r.Priority < 1 || seen[*r.Priority] {
			f.add("%s has no rulePriority of its own: expected a different whole number from 1 in each rule", at)
		} else {
			seen[*r.Priority] = true
		}
		s := r.Selection
		named := len(s.Prefixes)+len(s.Patterns) > 0
		f.errs = append(f.errs, oneOf(at+".selection.tagStatus", s.Status, []string{"tagged", "untagged", "any"}),
			oneOf(at+".selection.countType", s.Type, []string{"imageCountMoreThan", "sinceImagePushed"}),
			oneOf(at+".action.type", r.Action.Type, []string{"expire"}))
		f.when(s.Number < 1, "%s.selection.countNumber is %d: expected at least 1", at, s.Number)
		f.when((s.Status == "tagged") != named, "%s.selection: tagPrefixList or tagPatternList belongs to tagStatus tagged, and only to that", at)
		f.when((s.Type == "sinceImagePushed") != (s.Unit == "days"), "%s.selection: countUnit days belongs to countType sinceImagePushed, and only to that", at)
	}
	return f.err()
}

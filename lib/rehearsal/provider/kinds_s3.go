package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"delivery/lib/rehearsal/cloud"
	"delivery/lib/rehearsal/iam"
)

const s3Module = "aws:s3/"

// The parts of a bucket, each of which it has once.
const (
	versioningType = s3Module + "bucketVersioningV2:BucketVersioningV2"
	encryptionType = s3Module + "bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	publicType     = s3Module + "bucketPublicAccessBlock:BucketPublicAccessBlock"
	ownershipType  = s3Module + "bucketOwnershipControls:BucketOwnershipControls"
	lifecycleType  = s3Module + "bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	objectType     = s3Module + "bucketObjectv2:BucketObjectv2"
)

func s3Kinds() []Kind {
	return append([]Kind{bucketKind(), objectKind()}, bucketParts()...)
}

func bucketKind() Kind {
	return Kind{
		Token: cloud.BucketType, Name: "bucket", Global: true,
		ARN: func(_, name string) string { return "arn:aws:s3:::" + name },
		Inputs: map[string]Input{
			// See "Bucket naming rules" in the S3 user guide.
			"bucket":            text.match(`[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]`).replaces(),
			"forceDestroy":      flag.def(false),
			"objectLockEnabled": flag.replaces().computed(),
			"tags":              tags,
		},
		Plan:     planBucket,
		Computed: []string{"bucketDomainName", "bucketRegionalDomainName", "hostedZoneId", "region"},
		Outputs: func(c *Call) (map[string]any, error) {
			out := map[string]any{
				"bucketDomainName": c.Name + ".s3.amazonaws.com", "bucketRegionalDomainName": c.Name + ".s3." + cloud.Region + ".amazonaws.com",
				"hostedZoneId": "Z3AQBSTGFYJSTF", "region": cloud.Region,
			}
			if c.Old != nil {
				return out, nil
			}
			return out, c.Cloud.Objects.CreateBucket(c.Name)
		},
		Delete:  deleteBucket,
		Actions: Actions{Create: []string{"s3:CreateBucket"}, Read: []string{"s3:ListBucket"}, Update: []string{"s3:PutBucketTagging"}, Delete: []string{"s3:DeleteBucket"}},
	}
}

var ipAddress = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$`)

func planBucket(c *Call) error {
	name := c.Str("bucket")
	switch {
	case strings.Contains(name, ".."), ipAddress.MatchString(name):
		return fmt.Errorf("bucket is %q: two dots in a row and addresses are refused", name)
	case strings.HasPrefix(name, "xn--"), strings.HasPrefix(name, "sthree-"), strings.HasPrefix(name, "amzn-s3-demo-"),
		strings.HasSuffix(name, "-s3alias"), strings.HasSuffix(name, "--ol-s3"), strings.HasSuffix(name, "--x-s3"):
		return fmt.Errorf("bucket is %q: its prefix or suffix is reserved", name)
	}
	return nil
}

func deleteBucket(c *Call) error {
	force, _ := c.Inputs["forceDestroy"].(bool)
	if empty, err := c.Cloud.Objects.Empty(c.Name); err != nil {
		return err
	} else if !empty && !force {
		return fmt.Errorf("BucketNotEmpty: The bucket %s you tried to delete is not empty", c.Name)
	}
	if err := c.Cloud.Objects.DeleteBucket(c.Name, force); err != nil {
		return err
	}
	// Deleting a bucket takes its settings with it.
	for _, t := range []string{versioningType, encryptionType, publicType, ownershipType, lifecycleType, cloud.BucketPolicyType} {
		for _, p := range c.Cloud.Find(c.Account, t, func(r *cloud.Resource) bool { return r.Str("bucket") == c.Name }) {
			c.Cloud.Remove(p.Account, p.Type, p.ID)
		}
	}
	return nil
}

// bucketParts are settings of a bucket. Their id is the bucket's name.
func bucketParts() []Kind {
	part := func(token, put, get string, inputs map[string]Input, plan func(*Call) error) Kind {
		inputs["bucket"] = text.required().replaces().refers("name", cloud.BucketType)
		return Kind{
			Token: token, Inputs: inputs, Slot: []string{"bucket"}, Plan: plan, ID: joined("", "bucket"),
			Actions: Actions{Create: []string{put}, Read: []string{get}, Update: []string{put}, Delete: []string{put}},
		}
	}
	owner := text.match(`[0-9]{12}`).replaces()
	return []Kind{
		part(versioningType, "s3:PutBucketVersioning", "s3:GetBucketVersioning", map[string]Input{
			"versioningConfiguration": object(map[string]Input{"status": text.required().enum("Enabled", "Suspended", "Disabled"), "mfaDelete": text.enum("Enabled", "Disabled")}).required(),
			"expectedBucketOwner":     owner, "mfa": text,
		}, nil),
		part(encryptionType, "s3:PutEncryptionConfiguration", "s3:GetEncryptionConfiguration", map[string]Input{
			"rules": list(object(map[string]Input{
				"bucketKeyEnabled": flag,
				"applyServerSideEncryptionByDefault": object(map[string]Input{
					"sseAlgorithm": text.required().enum("AES256", "aws:kms", "aws:kms:dsse"), "kmsMasterKeyId": keyARN,
				}),
			})).required().between(1, 1),
			"expectedBucketOwner": owner,
		}, nil),
		part(publicType, "s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock", map[string]Input{
			"blockPublicAcls": flag.def(false), "blockPublicPolicy": flag.def(false), "ignorePublicAcls": flag.def(false), "restrictPublicBuckets": flag.def(false),
		}, nil),
		part(ownershipType, "s3:PutBucketOwnershipControls", "s3:GetBucketOwnershipControls", map[string]Input{
			"rule": object(map[string]Input{"objectOwnership": text.required().enum("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced")}).required(),
		}, nil),
		part(lifecycleType, "s3:PutLifecycleConfiguration", "s3:GetLifecycleConfiguration", lifecycleInputs(owner), planLifecycle),
		part(cloud.BucketPolicyType, "s3:PutBucketPolicy", "s3:GetBucketPolicy", map[string]Input{
			"policy": text.required().policy(iam.Resource("s3")),
		}, planBucketPolicy),
	}
}

func lifecycleInputs(owner Input) map[string]Input {
	days := number.between(1, 1<<31-1)
	return map[string]Input{
		"expectedBucketOwner":                owner,
		"transitionDefaultMinimumObjectSize": text.enum("all_storage_classes_128K", "varies_by_storage_class").computed(),
		"rules": list(object(map[string]Input{
			"id":     text.required().between(1, 255),
			"status": text.required().enum("Enabled", "Disabled"),
			"prefix": text,
			"filter": object(map[string]Input{
				"prefix": text, "objectSizeGreaterThan": text, "objectSizeLessThan": text,
				"tag": object(map[string]Input{"key": text.required(), "value": text.required()}), "and": blob,
			}),
			"expiration":                     object(map[string]Input{"days": days, "date": text, "expiredObjectDeleteMarker": flag}),
			"noncurrentVersionExpiration":    object(map[string]Input{"noncurrentDays": days.required(), "newerNoncurrentVersions": number.between(1, 100)}),
			"abortIncompleteMultipartUpload": object(map[string]Input{"daysAfterInitiation": days}),
			"transitions":                    list(blob), "noncurrentVersionTransitions": list(blob),
		})).required().between(1, 1000),
	}
}

// planLifecycle: PutBucketLifecycleConfiguration wants a filter and an action
// in each rule, and unique ids.
func planLifecycle(c *Call) error {
	rules, _ := c.Inputs["rules"].([]any)
	seen := map[string]bool{}
	for i, r := range rules {
		rule, _ := r.(map[string]any)
		id, _ := rule["id"].(string)
		if seen[id] {
			return fmt.Errorf("rules[%d].id is %q, which another rule has: expected unique ids", i, id)
		}
		seen[id] = true
		if rule["filter"] == nil && rule["prefix"] == nil {
			return fmt.Errorf("rules[%d] has no filter: expected one, an empty prefix for all objects", i)
		}
		if rule["expiration"] == nil && rule["noncurrentVersionExpiration"] == nil && rule["abortIncompleteMultipartUpload"] == nil && rule["transitions"] == nil && rule["noncurrentVersionTransitions"] == nil {
			return fmt.Errorf("rules[%d] has no action: expected at least one", i)
		}
	}
	return nil
}

// planBucketPolicy refuses what S3 refuses: statements about other buckets.
func planBucketPolicy(c *Call) error {
	bucket := c.Str("bucket")
	if bucket == "" || c.Str("policy") == "" {
		return nil
	}
	var doc struct {
		Statement []struct {
			Sid      string
			Resource any
		}
	}
	if err := json.Unmarshal([]byte(c.Str("policy")), &doc); err != nil {
		return err
	}
	own := "arn:aws:s3:::" + bucket
	var errs []error
	for _, s := range doc.Statement {
		for _, r := range texts(s.Resource) {
			if r != own && !strings.HasPrefix(r, own+"/") {
				errs = append(errs, fmt.Errorf("MalformedPolicy: Policy has invalid resource: statement %s speaks of %s in the policy of %s", s.Sid, r, bucket))
			}
		}
	}
	return errors.Join(errs...)
}

// texts reads a string or a list of strings.
func texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

func objectKind() Kind {
	return Kind{
		Token: objectType,
		ID:    joined("/", "bucket", "key"),
		Slot:  []string{"bucket", "key"},
		Inputs: map[string]Input{
			"bucket": text.required().replaces().refers("name", cloud.BucketType),
			"key":    text.required().between(1, 1024).replaces(), "source": blob, "content": text, "contentBase64": text,
			"contentType": text.computed(), "etag": text.computed(), "sourceHash": text, "kmsKeyId": keyARN.computed(),
			"serverSideEncryption": text.enum("AES256", "aws:kms").computed(), "bucketKeyEnabled": flag.computed(),
			"storageClass": text.computed(), "forceDestroy": flag.def(false), "metadata": mapOf(text), "tags": tags,
		},
		Computed: []string{"versionId"},
		Outputs: func(c *Call) (map[string]any, error) {
			body := []byte(c.Str("content"))
			if c.Inputs["source"] != nil {
				var err error
				if body, err = load(c.Inputs["source"]); err != nil {
					return nil, fmt.Errorf("source: %w", err)
				}
			}
			return map[string]any{"versionId": fmt.Sprintf("v%d", c.Cloud.Serial())}, c.Cloud.Objects.Put(c.Str("bucket"), c.Str("key"), body)
		},
		Delete:  func(c *Call) error { return c.Cloud.Objects.Delete(c.Str("bucket"), c.Str("key")) },
		Actions: Actions{Create: []string{"s3:PutObject"}, Read: []string{"s3:GetObject"}, Update: []string{"s3:PutObject"}, Delete: []string{"s3:DeleteObject"}},
	}
}

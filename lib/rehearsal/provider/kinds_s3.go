package provider

import (
	"crypto/md5" // what S3 calls an ETag
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/sse"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

func s3Kinds() []Kind {
	return append([]Kind{bucketKind(), objectKind()}, bucketParts()...)
}

func bucketARN(_, name string) string { return arns.Bucket(name) }

// ofBucket is the bucket whose settings a resource is.
func ofBucket(c *Call, _ string) []string { return []string{arns.Bucket(c.Str("bucket"))} }

// readBucket is what the provider asks to read a bucket: the settings that the
// resource type had before they became types of their own.
var readBucket = []string{
	"s3:ListBucket", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketPolicy", "s3:GetBucketWebsite", "s3:GetBucketVersioning",
	"s3:GetAccelerateConfiguration", "s3:GetBucketRequestPayment", "s3:GetBucketLogging", "s3:GetLifecycleConfiguration",
	"s3:GetReplicationConfiguration", "s3:GetEncryptionConfiguration", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketTagging",
}

// bucketKind knows the inputs of BucketV2 that are not deprecated.
func bucketKind() Kind {
	return Kind{
		Token: typetoken.Bucket, Name: "bucket", Global: true, ARN: bucketARN,
		Taken: "BucketAlreadyOwnedByYou: Your previous request to create the named bucket succeeded and you already own it: %s",
		Inputs: map[string]Input{
			"bucket":            named(awsname.Bucket).replaces(),
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
			return out, c.authorizeTags("s3:PutBucketTagging", "s3:PutBucketTagging")
		},
		Delete:   deleteBucket,
		Actions:  Actions{Create: []string{"s3:CreateBucket"}, Read: readBucket, Delete: []string{"s3:DeleteBucket"}},
		UpdateBy: map[string][]string{"tags": nil, "forceDestroy": nil},
	}
}

func planBucket(c *Call) error {
	if err := awsname.CheckBucket(c.Str("bucket")); err != nil {
		return fmt.Errorf("bucket: %w", err)
	}
	return nil
}

func deleteBucket(c *Call) error {
	empty, err := c.Cloud.Objects.Empty(c.Name)
	if err != nil {
		return err
	}
	switch {
	case empty:
	case !c.isSet("forceDestroy"):
		return apierr.BadRequest("BucketNotEmpty", "The bucket you tried to delete is not empty: %s", c.Name)
	default:
		if err := errors.Join(c.authorizeAlso(c.ARN, nil, "s3:ListBucketVersions"), c.authorizeAlso(c.ARN+"/*", nil, "s3:DeleteObject", "s3:DeleteObjectVersion")); err != nil {
			return err
		}
	}
	// Deleting a bucket takes its settings and, with force, its objects along.
	c.removeAll(func(r *cloud.Resource) bool { return r.Str("bucket") == c.Name },
		typetoken.BucketVersioning, typetoken.BucketEncryption, typetoken.BucketPublicAccessBlock, typetoken.BucketOwnershipControls, typetoken.BucketLifecycle, typetoken.BucketPolicy, typetoken.Object)
	return nil
}

// bucketParts are settings of a bucket. Their id is the bucket's name.
func bucketParts() []Kind {
	part := func(token string, inputs map[string]Input, put, get, del string) Kind {
		inputs["bucket"] = text.required().replaces().refers("name", typetoken.Bucket)
		return Kind{
			Token: token, Inputs: inputs, Slot: []string{"bucket"}, ID: joinedID("", "bucket"), Target: ofBucket,
			Actions: Actions{Create: []string{put}, Read: []string{get}, Update: []string{put}, Delete: []string{del}},
		}
	}
	owner := named(awsname.Account).replaces()
	versioning := part(typetoken.BucketVersioning, map[string]Input{
		"versioningConfiguration": object(map[string]Input{"status": text.required().enum("Enabled", "Suspended", "Disabled"), "mfaDelete": text.enum("Enabled", "Disabled")}).required(),
		"expectedBucketOwner":     owner,
		"mfa":                     text,
	}, "s3:PutBucketVersioning", "s3:GetBucketVersioning", "s3:PutBucketVersioning")
	versioning.Outputs = func(c *Call) (map[string]any, error) {
		if c.Old != nil && c.Str("versioningConfiguration.status") == "Disabled" {
			return nil, apierr.BadRequest("IllegalVersioningConfigurationException", "versioning that was enabled can only be suspended")
		}
		return nil, nil
	}
	encryption := part(typetoken.BucketEncryption, map[string]Input{
		"rules": list(object(map[string]Input{
			"bucketKeyEnabled":                   flag,
			"applyServerSideEncryptionByDefault": object(map[string]Input{"sseAlgorithm": text.required().enum("AES256", "aws:kms", "aws:kms:dsse"), "kmsMasterKeyId": keyARN}),
		})).required().between(1, 1),
		"expectedBucketOwner": owner,
	}, "s3:PutEncryptionConfiguration", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration")
	encryption.Plan = func(c *Call) error {
		by := "rules.0.applyServerSideEncryptionByDefault"
		if c.Str(by+".kmsMasterKeyId") != "" && c.Str(by+".sseAlgorithm") == "AES256" {
			return apierr.BadRequest("InvalidArgument", "a KMS key needs the algorithm aws:kms, not AES256")
		}
		return nil
	}
	public := part(typetoken.BucketPublicAccessBlock, map[string]Input{
		"blockPublicAcls":       flag.def(false),
		"blockPublicPolicy":     flag.def(false),
		"ignorePublicAcls":      flag.def(false),
		"restrictPublicBuckets": flag.def(false),
	}, "s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock")
	ownership := part(typetoken.BucketOwnershipControls, map[string]Input{
		"rule": object(map[string]Input{"objectOwnership": text.required().enum("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced")}).required(),
	}, "s3:PutBucketOwnershipControls", "s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls")
	lifecycle := part(typetoken.BucketLifecycle, lifecycleInputs(owner), "s3:PutLifecycleConfiguration", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration")
	lifecycle.Plan = planLifecycle
	policy := part(typetoken.BucketPolicy, map[string]Input{
		"policy": text.required().policy(iam.Resource("s3")),
	}, "s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy")
	policy.Plan = planBucketPolicy
	policy.Outputs = func(c *Call) (map[string]any, error) { return nil, refusePublic(c) }
	return []Kind{versioning, encryption, public, ownership, lifecycle, policy}
}

// storageClasses that a transition may lead to. See Transition in the S3 API.
var storageClasses = []string{"GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"}

// lifecycleInputs: see PutBucketLifecycleConfiguration in the S3 API.
func lifecycleInputs(owner Input) map[string]Input {
	days := number.between(1, 1<<31-1)
	newer := number.between(1, 100) // NewerNoncurrentVersions: "You can specify up to 100"
	size := number.between(0, 1<<50)
	class := text.required().enum(storageClasses...)
	tag := object(map[string]Input{"key": text.required().between(1, maxTagKey), "value": text.required().between(0, maxTagValue)})
	return map[string]Input{
		"expectedBucketOwner":                owner,
		"transitionDefaultMinimumObjectSize": text.enum("all_storage_classes_128K", "varies_by_storage_class").computed(),
		"rules": list(object(map[string]Input{
			"id":     text.required().between(1, 255),
			"status": text.required().enum("Enabled", "Disabled"),
			"prefix": text,
			"filter": object(map[string]Input{
				"prefix":                text,
				"objectSizeGreaterThan": size,
				"objectSizeLessThan":    size,
				"tag":                   tag,
				"and":                   object(map[string]Input{"prefix": text, "objectSizeGreaterThan": size, "objectSizeLessThan": size, "tags": mapOf(text)}),
			}),
			"expiration":                     object(map[string]Input{"days": days, "date": text, "expiredObjectDeleteMarker": flag}),
			"noncurrentVersionExpiration":    object(map[string]Input{"noncurrentDays": days.required(), "newerNoncurrentVersions": newer}),
			"abortIncompleteMultipartUpload": object(map[string]Input{"daysAfterInitiation": days}),
			"transitions":                    list(object(map[string]Input{"date": text, "days": number.between(0, 1<<31-1), "storageClass": class})),
			"noncurrentVersionTransitions":   list(object(map[string]Input{"noncurrentDays": days.required(), "newerNoncurrentVersions": newer, "storageClass": class})),
		})).required().between(1, 1000),
	}
}

// planLifecycle holds every rule to what PutBucketLifecycleConfiguration wants.
func planLifecycle(c *Call) error {
	var f failed
	seen := map[string]bool{}
	for i, rule := range objects(c.Inputs, "rules") {
		id := str(rule, "id")
		f.when(seen[id], "rules[%d].id is %q, which another rule has: expected unique ids", i, id)
		seen[id] = true
		lifecycleRule(&f, fmt.Sprintf("rules[%d]", i), rule)
	}
	return f.err()
}

func lifecycleRule(f *failed, at string, rule map[string]any) {
	count := func(of map[string]any, keys ...string) (n int) {
		for _, k := range keys {
			if of[k] != nil {
				n++
			}
		}
		return n
	}
	f.when(count(rule, "filter", "prefix") == 0, "%s has no filter: expected one, empty for all objects", at)
	f.when(count(rule, "filter", "prefix") > 1, "%s has a filter and a prefix: expected one of them", at)
	f.when(count(rule, "expiration", "noncurrentVersionExpiration", "abortIncompleteMultipartUpload", "transitions", "noncurrentVersionTransitions") == 0, "%s has no action: expected at least one", at)
	filter, _ := rule["filter"].(map[string]any)
	f.when(count(filter, "prefix", "tag", "and", "objectSizeGreaterThan", "objectSizeLessThan") > 1, "%s.filter has several conditions: put them into \"and\"", at)
	narrowed := count(filter, "tag", "objectSizeGreaterThan", "objectSizeLessThan") > 0 || cloud.Lookup(filter, "and.tags") != nil
	f.when(narrowed && rule["abortIncompleteMultipartUpload"] != nil, "InvalidRequest: %s.abortIncompleteMultipartUpload can't be used with a filter by tag or size", at)
	expiration, _ := rule["expiration"].(map[string]any)
	f.when(expiration != nil && count(expiration, "days", "date", "expiredObjectDeleteMarker") != 1, "%s.expiration: expected one of days, date and expiredObjectDeleteMarker", at)
}

// planBucketPolicy refuses what S3 refuses: statements about other buckets.
func planBucketPolicy(c *Call) error {
	bucket := c.Str("bucket")
	if bucket == "" || c.Str("policy") == "" {
		return nil
	}
	doc, err := iam.Parse(c.Str("policy"))
	if err != nil {
		return err
	}
	own := arns.Bucket(bucket)
	var f failed
	for _, s := range doc.Statements {
		for _, r := range slices.Concat(s.Resource, s.NotResource) {
			f.when(r != own && !strings.HasPrefix(r, own+"/"), "MalformedPolicy: Policy has invalid resource: statement %s speaks of %s in the policy of %s", s.Sid, r, bucket)
		}
	}
	return f.err()
}

// fixing are the condition keys that make a statement for everyone not public,
// when they have fixed values. See "The meaning of public" in "Blocking public
// access to your Amazon S3 storage".
var fixing = []string{
	"aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:userid",
	"aws:principalorgid", "aws:principalarn", "aws:principalaccount", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
	"s3:x-amz-server-side-encryption-aws-kms-key-id",
}

// refusePublic refuses a public policy where the bucket blocks them.
func refusePublic(c *Call) error {
	block := c.Cloud.First(c.Account, typetoken.BucketPublicAccessBlock, func(r *cloud.Resource) bool { return r.Str("bucket") == c.Str("bucket") })
	if block == nil || block.Value("blockPublicPolicy") != true {
		return nil
	}
	doc, err := iam.Parse(c.Str("policy"))
	if err != nil {
		return err
	}
	for _, s := range doc.Statements {
		if s.Effect == "Allow" && toEveryone(s) && !slices.ContainsFunc(s.Conditions, fixed) {
			return apierr.BadRequest("AccessDenied", "user is not authorized to perform: s3:PutBucketPolicy on %q because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access: statement %q", arns.Bucket(c.Str("bucket")), s.Sid)
		}
	}
	return nil
}

func toEveryone(s iam.Statement) bool {
	return s.Principal != nil && (s.Principal.Everyone || slices.Contains(s.Principal.AWS, "*"))
}

func fixed(c iam.Condition) bool {
	wild := slices.ContainsFunc(c.Values, func(v string) bool { return strings.ContainsAny(v, "*?") || v == "0.0.0.0/0" || v == "::/0" })
	return !wild && slices.Contains(fixing, strings.ToLower(c.Key)) && !strings.Contains(c.Operator, "Not") && !strings.HasSuffix(c.Operator, "IfExists")
}

// maxObjectTags: "You can associate up to 10 tags with an object".
const maxObjectTags = 10

func objectKind() Kind {
	put := []string{"s3:PutObject"}
	return Kind{
		Token: typetoken.Object,
		ID:    joinedID("/", "bucket", "key"),
		Slot:  []string{"bucket", "key"},
		Inputs: map[string]Input{
			"bucket":               text.required().replaces().refers("name", typetoken.Bucket),
			"key":                  text.required().between(1, 1024).replaces(),
			"source":               blob,
			"content":              text,
			"contentBase64":        text,
			"contentType":          text.computed(),
			"cacheControl":         text,
			"contentDisposition":   text,
			"contentEncoding":      text,
			"contentLanguage":      text,
			"etag":                 text.computed(),
			"sourceHash":           text,
			"kmsKeyId":             keyARN.computed(),
			"serverSideEncryption": text.enum("AES256", "aws:kms", "aws:kms:dsse").computed(),
			"bucketKeyEnabled":     flag.computed(),
			"storageClass":         text.enum("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR").computed(),
			"forceDestroy":         flag.def(false),
			"metadata":             mapOf(text),
			"tags":                 tags,
		},
		Plan:     planObject,
		Computed: []string{"versionId", "arn"},
		Target:   func(c *Call, _ string) []string { return []string{objectARN(c)} },
		Outputs:  putObject,
		Delete:   func(c *Call) error { return c.Cloud.Objects.Delete(c.Str("bucket"), c.Str("key")) },
		Actions:  Actions{Create: put, Read: []string{"s3:GetObject"}, Update: put, Delete: []string{"s3:DeleteObject"}},
		UpdateBy: map[string][]string{"tags": nil, "forceDestroy": nil},
	}
}

func objectARN(c *Call) string { return arns.Object(c.Str("bucket"), c.Str("key")) }

func planObject(c *Call) error {
	var f failed
	f.atMostOne(c, "source", "content", "contentBase64")
	f.when(len(c.tagsOf()) > maxObjectTags, "tags are %d: an object may have %d", len(c.tagsOf()), maxObjectTags)
	f.when(c.isGiven("etag") && (c.isGiven("kmsKeyId") || strings.HasPrefix(c.Str("serverSideEncryption"), "aws:kms")), "etag is not a hash of the content where KMS encrypts: use sourceHash")
	return f.err()
}

// putObject stores the bytes, which takes the right to use the bucket's key.
func putObject(c *Call) (map[string]any, error) {
	body, err := objectBody(c)
	if err != nil {
		return nil, err
	}
	c.ARN = objectARN(c)
	if err := errors.Join(c.authorizeTags("s3:PutObjectTagging", "s3:PutObjectTagging"), useBucketKey(c)); err != nil {
		return nil, err
	}
	if err := c.Cloud.Objects.Put(c.Str("bucket"), c.Str("key"), body); err != nil {
		return nil, err
	}
	out := map[string]any{"versionId": fmt.Sprintf("v%d", c.Cloud.Serial()), "arn": c.ARN}
	if c.Str("etag") == "" {
		out["etag"] = fmt.Sprintf("%x", md5.Sum(body))
	}
	if c.Str("contentType") == "" {
		out["contentType"] = "application/octet-stream"
	}
	return out, nil
}

func objectBody(c *Call) ([]byte, error) {
	switch {
	case c.Inputs["source"] != nil:
		body, err := load(c.Inputs["source"])
		if err != nil {
			return nil, fmt.Errorf("source: %w", err)
		}
		return body, nil
	case c.Str("contentBase64") != "":
		body, err := base64.StdEncoding.DecodeString(c.Str("contentBase64"))
		if err != nil {
			return nil, fmt.Errorf("contentBase64: %w", err)
		}
		return body, nil
	}
	return []byte(c.Str("content")), nil
}

// useBucketKey authorises the caller to encrypt the object.
func useBucketKey(c *Call) error {
	if c.Session == nil {
		return nil
	}
	own := sse.Own{Algorithm: c.Str("serverSideEncryption"), Key: c.Str("kmsKeyId")}
	if b, set := c.Inputs["bucketKeyEnabled"].(bool); set {
		own.BucketKey = &b
	}
	return c.Cloud.UseObjectKey(c.Session, "kms:GenerateDataKey", c.Str("bucket"), c.Str("key"), own)
}

package provider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// cloudtrailKinds: constraints from CreateTrail and PutEventSelectors, and
// "Naming requirements for CloudTrail resources".
func cloudtrailKinds() []Kind {
	return []Kind{{
		Token: typetoken.Trail, Name: "name", ARN: arnOf("cloudtrail", "trail/"),
		ID:       func(c *Call) string { return c.ARN },
		Inputs:   trailInputs(),
		Plan:     planTrail,
		Computed: []string{"homeRegion", "snsTopicArn"},
		Outputs: func(c *Call) (map[string]any, error) {
			out := map[string]any{"homeRegion": cloud.Region, "snsTopicArn": ""}
			if topic := c.Str("snsTopicName"); topic != "" {
				r := findReferred(c, Reference{Types: []string{typetoken.Topic}, By: "name,arn"}, topic)
				if r == nil {
					return nil, apierr.BadRequest("InsufficientSnsTopicPolicyException", "SNS topic %s does not exist", topic)
				}
				out["snsTopicArn"] = r.ARN
			}
			return out, errors.Join(trailBucket(c), trailKey(c), trailLogs(c), trailExtras(c), c.authorizeTags("cloudtrail:AddTags", "cloudtrail:RemoveTags"))
		},
		Actions: Actions{
			Create: []string{"cloudtrail:CreateTrail", "cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:ListTags", "cloudtrail:GetEventSelectors"},
			Read:   []string{"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:ListTags", "cloudtrail:GetEventSelectors"},
			Update: []string{"cloudtrail:UpdateTrail", "cloudtrail:GetTrailStatus"}, Delete: []string{"cloudtrail:DeleteTrail"},
		},
	}}
}

func trailInputs() map[string]Input {
	values := list(text.between(1, 2048)).between(1, 0)
	return map[string]Input{
		"name":                       named(awsname.Trail).replaces(),
		"s3BucketName":               text.required().refers("name", typetoken.Bucket),
		"s3KeyPrefix":                text.between(0, 200),
		"snsTopicName":               text.between(0, 256),
		"cloudWatchLogsGroupArn":     text.match(anyARN),
		"cloudWatchLogsRoleArn":      roleARN,
		"kmsKeyId":                   keyARN,
		"enableLogging":              flag.def(true),
		"enableLogFileValidation":    flag.def(false),
		"includeGlobalServiceEvents": flag.def(true),
		"isMultiRegionTrail":         flag.def(false),
		"isOrganizationTrail":        flag.def(false),
		"eventSelectors": list(object(map[string]Input{
			"readWriteType":                 text.enum("All", "ReadOnly", "WriteOnly"),
			"includeManagementEvents":       flag,
			"excludeManagementEventSources": list(text.enum("kms.amazonaws.com", "rdsdata.amazonaws.com")),
			"dataResources": list(object(map[string]Input{
				"type":   text.required().enum("AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"),
				"values": list(text.between(1, 2048)).required().between(1, 250),
			})),
		})).between(0, 5),
		"advancedEventSelectors": list(object(map[string]Input{
			"name": text.between(0, 1000),
			"fieldSelectors": list(object(map[string]Input{
				"field":          text.required().enum("readOnly", "eventSource", "eventName", "eventCategory", "resources.type", "resources.ARN", "eventType", "sessionCredentialFromConsole", "userIdentity.arn"),
				"equals":         values,
				"notEquals":      values,
				"startsWiths":    values,
				"notStartsWiths": values,
				"endsWiths":      values,
				"notEndsWiths":   values,
			})).required().between(1, 0),
		})),
		"insightSelectors": list(object(map[string]Input{"insightType": text.required().enum("ApiCallRateInsight", "ApiErrorRateInsight")})),
		"tags":             tags,
	}
}

var trailObjects = regexp.MustCompile(`^arn:aws:s3(?::::[a-z0-9.-]+/.*|:::)?$`)

func planTrail(c *Call) error {
	f := &failed{}
	name := c.Str("name")
	f.when(awsname.IsIPAddress(name), "name is %q: a trail can't be named like an address", name)
	f.atMostOne(c, "eventSelectors", "advancedEventSelectors")
	f.when(c.isGiven("cloudWatchLogsGroupArn") != c.isGiven("cloudWatchLogsRoleArn"), "cloudWatchLogsGroupArn and cloudWatchLogsRoleArn belong together")
	global, set := c.Inputs["includeGlobalServiceEvents"].(bool)
	f.when(c.isSet("isMultiRegionTrail") && set && !global, "InvalidParameterCombinationException: Multi-Region trail must include global service events")
	f.when(c.isSet("isOrganizationTrail"), "isOrganizationTrail is set, but the accounts of the local cloud are in no organization")
	for i, s := range objects(c.Inputs, "eventSelectors") {
		for _, d := range objects(s, "dataResources") {
			for _, v := range texts(d["values"]) {
				planTrailValue(f, fmt.Sprintf("eventSelectors[%d]", i), str(d, "type"), v)
			}
		}
	}
	for i, s := range objects(c.Inputs, "advancedEventSelectors") {
		category := false
		for _, field := range objects(s, "fieldSelectors") {
			f.when(len(field) < 2, "advancedEventSelectors[%d].%s has no condition", i, str(field, "field"))
			category = category || str(field, "field") == "eventCategory" && field["equals"] != nil
		}
		f.when(!category, "advancedEventSelectors[%d] has no eventCategory with equals", i)
	}
	return f.err()
}

// planTrailValue: see the values of DataResource in the API reference.
func planTrailValue(f *failed, at, kind, value string) {
	switch kind {
	case "AWS::S3::Object":
		f.when(!trailObjects.MatchString(value), "%s has the value %q: expected arn:aws:s3 for all buckets, or a bucket's ARN followed by / and an optional prefix", at, value)
	case "AWS::Lambda::Function":
		f.when(!strings.HasPrefix(value, "arn:aws:lambda"), "%s has the value %q: expected arn:aws:lambda or a function's ARN", at, value)
	case "AWS::DynamoDB::Table":
		f.when(!strings.HasPrefix(value, "arn:aws:dynamodb"), "%s has the value %q: expected arn:aws:dynamodb or a table's ARN", at, value)
	}
}

const cloudTrail = "cloudtrail.amazonaws.com"

// trailBucket: CreateTrail tries whether it may write. See "Amazon S3 bucket
// policy for CloudTrail".
func trailBucket(c *Call) error {
	bucket := arns.Bucket(c.Str("s3BucketName"))
	write := sourced(c.Account, c.ARN)
	write["s3:x-amz-acl"] = []string{"bucket-owner-full-control"}
	err := errors.Join(
		c.serviceMay(cloudTrail, bucket, sourced(c.Account, c.ARN), "s3:GetBucketAcl"),
		c.serviceMay(cloudTrail, trailLogFiles(c), write, "s3:PutObject"))
	if err != nil {
		return fmt.Errorf("InsufficientS3BucketPolicyException: Incorrect S3 bucket policy is detected for bucket %s: %w", c.Str("s3BucketName"), err)
	}
	return nil
}

// trailLogFiles is the ARN under which the trail writes.
func trailLogFiles(c *Call) string {
	prefix := c.Str("s3KeyPrefix")
	if prefix != "" {
		prefix = strings.TrimSuffix(prefix, "/") + "/"
	}
	return arns.Bucket(c.Str("s3BucketName")) + "/" + prefix + "AWSLogs/" + c.Account + "/CloudTrail/" + cloud.Region
}

// trailKey: see "Configure AWS KMS key policies for CloudTrail",
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html.
func trailKey(c *Call) error {
	key := c.Str("kmsKeyId")
	if key == "" {
		return nil
	}
	own := sourced(c.Account, c.ARN)
	errs := []error{
		c.serviceMay(cloudTrail, key, trailEncryption(c), "kms:GenerateDataKey"),
		c.serviceMay(cloudTrail, key, own, "kms:DescribeKey"),
	}
	if c.Cloud.Encryption(c.Str("s3BucketName")).BucketKey {
		// "If you are using an existing S3 bucket with an S3 Bucket Key,
		// kms:Decrypt permissions are required to create or update a trail".
		errs = append(errs, c.serviceMay(cloudTrail, key, own, "kms:Decrypt"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("InsufficientEncryptionPolicyException: Insufficient permissions to access S3 bucket %s or KMS key %s: %w", c.Str("s3BucketName"), key, err)
	}
	return nil
}

// trailEncryption is the context in which log files are encrypted: the trail
// and the object. A bucket key is made for the bucket and for many objects of
// many writers, so its context is the bucket's ARN; see "Reducing the cost of
// SSE-KMS with Amazon S3 Bucket Keys",
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html. No
// page says that the trail stands in it as well: a policy that counts on that
// is refused.
func trailEncryption(c *Call) map[string][]string {
	context := sourced(c.Account, c.ARN)
	if c.Cloud.Encryption(c.Str("s3BucketName")).BucketKey {
		context["kms:EncryptionContext:aws:s3:arn"] = []string{arns.Bucket(c.Str("s3BucketName"))}
		context["kms:EncryptionContextKeys"] = []string{"aws:s3:arn"}
		return context
	}
	context["kms:EncryptionContext:aws:s3:arn"] = []string{trailLogFiles(c)}
	context["kms:EncryptionContext:aws:cloudtrail:arn"] = []string{c.ARN}
	context["kms:EncryptionContextKeys"] = []string{"aws:cloudtrail:arn", "aws:s3:arn"}
	return context
}

func trailLogs(c *Call) error {
	group := strings.TrimSuffix(c.Str("cloudWatchLogsGroupArn"), ":*")
	if group == "" {
		return nil
	}
	if findReferred(c, Reference{Types: []string{typetoken.LogGroup}, By: "arn"}, group) == nil {
		return apierr.BadRequest("InvalidCloudWatchLogsLogGroupArnException", "log group %s does not exist", group)
	}
	return c.handOver(c.Str("cloudWatchLogsRoleArn"), cloudTrail, c.ARN)
}

// trailExtras are the calls that the provider makes after CreateTrail.
func trailExtras(c *Call) error {
	var actions []string
	if c.Inputs["enableLogging"] != false {
		actions = append(actions, "cloudtrail:StartLogging")
	}
	if c.Inputs["eventSelectors"] != nil || c.Inputs["advancedEventSelectors"] != nil {
		actions = append(actions, "cloudtrail:PutEventSelectors")
	}
	if c.Inputs["insightSelectors"] != nil {
		actions = append(actions, "cloudtrail:PutInsightSelectors")
	}
	return c.authorizeAlso(c.ARN, nil, actions...)
}

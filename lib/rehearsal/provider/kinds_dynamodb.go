package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
)

// dynamodbKinds: constraints from the API model of DynamoDB (CreateTable,
// UpdateTimeToLive).
func dynamodbKinds() []Kind {
	return []Kind{{
		Token: typetoken.Table, Name: "name", ARN: arnOf("dynamodb", "table/"),
		Inputs:   dynamoInputs(),
		Plan:     planDynamo,
		Computed: []string{"streamArn", "streamLabel"},
		Outputs: func(c *Call) (map[string]any, error) {
			out := map[string]any{"streamArn": "", "streamLabel": ""}
			if c.isSet("streamEnabled") {
				label := c.keptOutput("streamLabel", func() any { return c.Cloud.Now().UTC().Format("2006-01-02T15:04:05.000") })
				out["streamLabel"], out["streamArn"] = label, fmt.Sprintf("%s/stream/%s", c.ARN, label)
			}
			// DynamoDB makes grants in the caller's name. See "DynamoDB encryption at rest".
			return out, errors.Join(
				c.useKey("serverSideEncryption.kmsKeyArn", c.Str("serverSideEncryption.kmsKeyArn"), "dynamodb", "kms:CreateGrant", "kms:DescribeKey", "kms:Decrypt", "kms:GenerateDataKey"),
				dynamoTTL(c), c.authorizeTags("dynamodb:TagResource", "dynamodb:UntagResource"))
		},
		Delete: func(c *Call) error {
			if c.isSet("deletionProtectionEnabled") {
				return apierr.BadRequest("ValidationException", "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first: table %s", c.Name)
			}
			return nil
		},
		Actions: Actions{
			Create: []string{"dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource"},
			Read:   []string{"dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource"},
			Update: []string{"dynamodb:UpdateTable", "dynamodb:DescribeTable"}, Delete: []string{"dynamodb:DeleteTable", "dynamodb:DescribeTable"},
		},
	}}
}

func dynamoTTL(c *Call) error {
	if !c.isSet("ttl.enabled") {
		return nil
	}
	return c.authorizeAlso(c.ARN, nil, "dynamodb:UpdateTimeToLive")
}

func dynamoInputs() map[string]Input {
	name := text.required().between(1, 255)
	index := named(awsname.Table).required()
	capacity, limit := number.between(0, 0), number.between(-1, 0)
	projection := text.required().enum("ALL", "KEYS_ONLY", "INCLUDE")
	others := list(text.between(1, 255)).between(1, 20)
	onDemand := object(map[string]Input{"maxReadRequestUnits": limit, "maxWriteRequestUnits": limit})
	return map[string]Input{
		"name":               named(awsname.Table).replaces(),
		"billingMode":        text.enum("PROVISIONED", "PAY_PER_REQUEST").def("PROVISIONED"),
		"hashKey":            text.between(1, 255).replaces().computed(),
		"rangeKey":           text.between(1, 255).replaces(),
		"attributes":         list(object(map[string]Input{"name": name, "type": text.required().enum("S", "N", "B")})).computed(),
		"readCapacity":       capacity.computed(),
		"writeCapacity":      capacity.computed(),
		"onDemandThroughput": onDemand,
		"globalSecondaryIndexes": list(object(map[string]Input{
			"name":               index,
			"hashKey":            name,
			"rangeKey":           text.between(1, 255),
			"projectionType":     projection,
			"nonKeyAttributes":   others,
			"readCapacity":       capacity,
			"writeCapacity":      capacity,
			"onDemandThroughput": onDemand,
		})).between(0, 20),
		"localSecondaryIndexes": list(object(map[string]Input{
			"name":             index,
			"rangeKey":         name,
			"projectionType":   projection,
			"nonKeyAttributes": others,
		})).between(0, 5).replaces(),
		"streamEnabled":             flag,
		"streamViewType":            text.enum("NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY").computed(),
		"serverSideEncryption":      object(map[string]Input{"enabled": flag.required(), "kmsKeyArn": keyARN}),
		"pointInTimeRecovery":       object(map[string]Input{"enabled": flag.required(), "recoveryPeriodInDays": number.between(1, 35)}),
		"ttl":                       object(map[string]Input{"attributeName": text.between(0, 255), "enabled": flag}),
		"tableClass":                text.enum("STANDARD", "STANDARD_INFREQUENT_ACCESS").def("STANDARD"),
		"deletionProtectionEnabled": flag.def(false),
		"replicas":                  list(blob),
		"importTable":               blob.replaces(),
		"restoreDateTime":           text.replaces(),
		"restoreSourceName":         text.replaces(),
		"restoreSourceTableArn":     text.replaces(),
		"restoreToLatestTime":       flag.replaces(),
		"tags":                      tags,
	}
}

// planDynamo: the rules of CreateTable about keys, indexes and capacity.
func planDynamo(c *Call) error {
	f := &failed{}
	restored := c.isGiven("restoreSourceName") || c.isGiven("restoreSourceTableArn")
	f.when(!restored && !c.isGiven("hashKey"), "hashKey is required")
	for _, in := range []string{"attributes", "hashKey", "rangeKey", "globalSecondaryIndexes", "localSecondaryIndexes"} {
		if c.Unknown[in] {
			return f.err()
		}
	}
	dynamoKeys(f, c, restored)
	read, okRead := c.number("readCapacity")
	write, okWrite := c.number("writeCapacity")
	if c.Str("billingMode") == "PAY_PER_REQUEST" {
		f.when(read+write > 0, "ValidationException: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	} else if !restored && !c.Unknown["billingMode"] {
		f.when(!okRead || !okWrite || read < 1 || write < 1, "ValidationException: readCapacity and writeCapacity must both be at least 1 when billingMode is PROVISIONED")
	}
	f.when(c.isSet("ttl.enabled") && c.Str("ttl.attributeName") == "", "ttl is enabled without attributeName")
	f.when(c.isSet("streamEnabled") != (c.Str("streamViewType") != ""), "streamViewType belongs to streamEnabled, and must be given with it")
	f.when(c.Str("serverSideEncryption.kmsKeyArn") != "" && !c.isSet("serverSideEncryption.enabled"), "serverSideEncryption has a key but is not enabled")
	return f.err()
}

// dynamoKeys: "all attributes must be indexed": the attributes are exactly
// those that keys use.
func dynamoKeys(f *failed, c *Call, restored bool) {
	defined, used, indexes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range objects(c.Inputs, "attributes") {
		f.when(defined[str(a, "name")], "attributes has %q twice", str(a, "name"))
		defined[str(a, "name")] = true
	}
	use := func(names ...string) {
		for _, n := range names {
			if n != "" {
				used[n] = true
			}
		}
	}
	use(c.Str("hashKey"), c.Str("rangeKey"))
	local := objects(c.Inputs, "localSecondaryIndexes")
	f.when(len(local) > 0 && c.Str("rangeKey") == "", "localSecondaryIndexes need a table with a rangeKey")
	for _, i := range append(local, objects(c.Inputs, "globalSecondaryIndexes")...) {
		use(str(i, "hashKey"), str(i, "rangeKey"))
		f.when(indexes[str(i, "name")], "index %q is there twice", str(i, "name"))
		indexes[str(i, "name")] = true
		f.when((str(i, "projectionType") == "INCLUDE") != (i["nonKeyAttributes"] != nil), "index %q: nonKeyAttributes belongs to projectionType INCLUDE, and must be given with it", str(i, "name"))
	}
	a, b := slices.Sorted(maps.Keys(defined)), slices.Sorted(maps.Keys(used))
	f.when(!restored && !slices.Equal(a, b), "all attributes must be indexed: attributes has [%s], the keys use [%s]", strings.Join(a, " "), strings.Join(b, " "))
	f.when(c.Str("hashKey") != "" && c.Str("hashKey") == c.Str("rangeKey"), "hashKey and rangeKey are both %q", c.Str("hashKey"))
}

// timestamp is the form in which most APIs give times.
func timestamp(c *Call) string { return c.Cloud.Now().UTC().Format(time.RFC3339) }

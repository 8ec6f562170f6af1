package provider

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

// retentions are the periods that PutRetentionPolicy accepts; 0 is the
// provider's spelling of "forever".
var retentions = []float64{0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// logsKinds: constraints from the API model of CloudWatch Logs
// (CreateLogGroup, PutRetentionPolicy).
func logsKinds() []Kind {
	return []Kind{{
		Token: typetoken.LogGroup, Name: "name", ARN: arnOf("logs", "log-group:"),
		Inputs: map[string]Input{
			"name":            named(awsname.LogGroup).replaces(),
			"namePrefix":      text.replaces(),
			"retentionInDays": number.def(0.0),
			"kmsKeyId":        keyARN,
			"skipDestroy":     flag.def(false),
			"logGroupClass":   text.enum("STANDARD", "INFREQUENT_ACCESS", "DELIVERY").def("STANDARD").replaces(),
			"tags":            tags,
		},
		Plan: func(c *Call) error {
			f := &failed{}
			f.atMostOne(c, "name", "namePrefix")
			days, _ := c.number("retentionInDays")
			f.when(!slices.Contains(retentions, days), "retentionInDays is %v: expected one of %v", days, retentions)
			f.when(strings.HasPrefix(c.Str("name"), "aws/"), "name is %q: names of log groups can't begin with aws/", c.Str("name"))
			return f.err()
		},
		Outputs: func(c *Call) (map[string]any, error) {
			return nil, errors.Join(logsKey(c), logsRetention(c), c.authorizeTags("logs:TagResource", "logs:UntagResource"))
		},
		Actions: Actions{
			Create: []string{"logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:ListTagsForResource"},
			Read:   []string{"logs:DescribeLogGroups", "logs:ListTagsForResource"},
			Update: []string{"logs:DescribeLogGroups", "logs:ListTagsForResource"}, Delete: []string{"logs:DeleteLogGroup"},
		},
	}}
}

func logsRetention(c *Call) error {
	days, _ := c.number("retentionInDays")
	before := 0.0
	if c.Old != nil {
		before, _ = cloud.Lookup(c.Old.Inputs, "retentionInDays").(float64)
	}
	switch {
	case days == before:
		return nil
	case days == 0:
		return c.authorizeAlso(c.ARN, nil, "logs:DeleteRetentionPolicy")
	}
	return c.authorizeAlso(c.ARN, nil, "logs:PutRetentionPolicy")
}

// logsKey: CreateLogGroup and AssociateKmsKey fail where the key's policy does
// not let the service use the key for this log group. See "Encrypt log data in
// CloudWatch Logs using AWS KMS".
func logsKey(c *Call) error {
	k := c.Str("kmsKeyId")
	if k == "" || c.Old != nil && str(c.Old.Inputs, "kmsKeyId") == k {
		return nil
	}
	context := sourced(c.Account, c.ARN)
	context["kms:EncryptionContext:aws:logs:arn"] = []string{c.ARN}
	err := c.serviceMay("logs."+cloud.Region+".amazonaws.com", k, context, "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
	if err != nil {
		return fmt.Errorf("InvalidParameterException: The specified KMS key does not exist or is not allowed to be used with %s: %w", c.ARN, err)
	}
	return nil
}

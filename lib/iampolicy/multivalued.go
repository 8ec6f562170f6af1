package iampolicy

import (
	"slices"
	"strings"
)

// multivalued are the condition keys of type ArrayOf… in the service
// authorization reference, of the services in use: one request has several
// values of them. IAM Access Analyzer reports a plain operator on one as an
// error (MISSING_QUALIFIER). See
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
var multivalued = []string{
	"aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths", "aws:sourceorgpaths", "aws:tagkeys",
	"cloudwatch:alarmactions", "dynamodb:attributes", "dynamodb:leadingkeys", "events:detail-type", "events:source",
	"kms:encryptioncontextkeys", "kms:grantoperations", "kms:resourcealiases", "secretsmanager:addreplicaregions", "sts:transitivetagkeys",
}

// lacksQualifier says whether an operator needs ForAllValues or ForAnyValue on
// a key. Null asks for presence only.
func lacksQualifier(operator, key string) bool {
	qualified := strings.HasPrefix(operator, "ForAllValues:") || strings.HasPrefix(operator, "ForAnyValue:")
	return !qualified && operator != "Null" && slices.Contains(multivalued, strings.ToLower(key))
}

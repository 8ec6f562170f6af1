// Package arns builds and reads Amazon Resource Names. Only the partition aws is
// known: the platform runs in no other.
package arns

import (
	"fmt"
	"strings"

	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "An ARN is arn:partition:service:region:account:resource; the resource part may hold colons.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
		Enforced: "Parse",
	},
	{
		Rule:     "The ARNs of buckets and objects have neither a region nor an account.",
		Page:     "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html",
		Enforced: "Bucket, Object",
	},
	{
		Rule:     "The ARNs of IAM and of STS sessions have no region, and that of an account's root ends with :root.",
		Page:     "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
		Enforced: "Root, Role, Policy, Session",
	},
	{
		Rule:     "An HTTP API invokes a function by its ARN, or by arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations.",
		Page:     "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html",
		Enforced: "Invocation, Invoked",
	},
}

// ARN is an ARN taken apart.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// String is the ARN as AWS writes it.
func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}

// Parse takes an ARN apart.
func Parse(s string) (ARN, error) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN: expected arn:partition:service:region:account:resource", s)
	}
	return ARN{p[1], p[2], p[3], p[4], p[5]}, nil
}

// Of is Parse for a text that may be something else: all parts are empty then.
func Of(s string) ARN {
	a, err := Parse(s)
	if err != nil {
		return ARN{}
	}
	return a
}

// Regional builds the ARN of a resource that lives in a region.
func Regional(service, region, account, resource string) string {
	return ARN{"aws", service, region, account, resource}.String()
}

// Bucket builds the ARN of an S3 bucket.
func Bucket(name string) string { return Regional("s3", "", "", name) }

// Object builds the ARN of an S3 object.
func Object(bucket, key string) string { return Bucket(bucket + "/" + key) }

// Root builds the ARN that stands for a whole account as a principal.
func Root(account string) string { return Regional("iam", "", account, "root") }

// Role builds the ARN of an IAM role; a path is a part of its name here.
func Role(account, name string) string { return Regional("iam", "", account, "role/"+name) }

// Policy builds the ARN of an IAM policy of a customer.
func Policy(account, name string) string { return Regional("iam", "", account, "policy/"+name) }

// Session builds the ARN of an assumed role's session.
func Session(account, role, name string) string {
	return Regional("sts", "", account, "assumed-role/"+role+"/"+name)
}

// What stands around a function's ARN in the URI of its integration.
const (
	functions   = "path/2015-03-31/functions/"
	invocations = "/invocations"
)

// Invocation builds the URI by which API Gateway invokes a function.
func Invocation(region, function string) string {
	return Regional("apigateway", region, "lambda", functions+function+invocations)
}

// Invoked is the ARN of the function behind the URI of an integration.
func Invoked(uri string) string {
	a := Of(uri)
	function, ok := strings.CutPrefix(a.Resource, functions)
	if a.Service != "apigateway" || !ok {
		return uri
	}
	return strings.TrimSuffix(function, invocations)
}

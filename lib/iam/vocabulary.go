package iam

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/iam/reference"
)

// arnRules says how the ARNs of a service look.
type arnRules struct {
	region, account bool     // whether the part must be there; false: it must be empty
	either          bool     // whether region and account may be there or not
	resources       []string // how the last part begins; empty: any name
}

// resourceForms is the resource vocabulary of the services in lib/iam/reference,
// from the service authorization reference.
var resourceForms = map[string]arnRules{
	"s3":                     {},
	"kms":                    {region: true, account: true, resources: []string{"key/", "alias/"}},
	"iam":                    {account: true, resources: []string{"role/", "policy/", "user/", "group/", "instance-profile/", "mfa/", "server-certificate/", "saml-provider/", "oidc-provider/", "access-report/", "sms-mfa/", "root"}},
	"sts":                    {account: true, resources: []string{"assumed-role/", "federated-user/", "self"}},
	"sns":                    {region: true, account: true},
	"sqs":                    {region: true, account: true},
	"ssm":                    {either: true, resources: []string{"parameter/", "document/", "automation-execution/", "automation-definition/", "maintenancewindow/", "managed-instance/", "opsitem/", "patchbaseline/", "session/", "servicesetting/", "resource-data-sync/", "association/"}},
	"secretsmanager":         {region: true, account: true, resources: []string{"secret:"}},
	"dynamodb":               {either: true, resources: []string{"table/", "global-table/"}},
	"events":                 {either: true, resources: []string{"rule/", "event-bus/", "archive/", "replay/", "connection/", "api-destination/", "endpoint/", "event-source/"}},
	"lambda":                 {region: true, account: true, resources: []string{"function:", "layer:", "event-source-mapping:", "code-signing-config:", "capacity-provider:"}},
	"apigateway":             {region: true, resources: []string{"/"}},
	"execute-api":            {region: true, account: true},
	"codebuild":              {region: true, account: true, resources: []string{"project/", "build/", "build-batch/", "report-group/", "report/", "fleet/", "sandbox/"}},
	"codepipeline":           {region: true, account: true},
	"codeconnections":        {region: true, account: true, resources: []string{"connection/", "host/", "repository-link/"}},
	"codestar-connections":   {region: true, account: true, resources: []string{"connection/", "host/", "repository-link/"}},
	"codestar-notifications": {region: true, account: true, resources: []string{"notificationrule/"}},
	"ecr":                    {region: true, account: true, resources: []string{"repository/"}},
	"logs":                   {region: true, account: true, resources: []string{"log-group:", "destination:", "delivery:", "delivery-source:", "delivery-destination:", "anomaly-detector:"}},
	"cloudtrail":             {region: true, account: true, resources: []string{"trail/", "eventdatastore/", "channel/", "dashboard/"}},
	"cloudwatch":             {either: true, resources: []string{"alarm:", "dashboard/", "insight-rule/", "metric-stream/", "service/", "slo/"}},
	"organizations":          {account: true, resources: []string{"account/", "organization/", "ou/", "policy/", "root/", "handshake/"}},
}

var (
	variable = regexp.MustCompile(`\$\{[^}]*\}`)
	bucketID = regexp.MustCompile(`^[a-z0-9*?][a-z0-9.*?-]*$`)
)

// isAccount says whether an ARN may have an account; "aws" is that of managed
// policies.
func isAccount(s string) bool { return s == "aws" || awsname.Account.Allows(s) }

// checkResource says whether a Resource element is one that AWS knows. Where a
// wildcard or variable stands, any text may.
func checkResource(r string) error {
	if r == "*" {
		return nil
	}
	parts := strings.SplitN(variable.ReplaceAllString(r, "*"), ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return fmt.Errorf("a resource must be \"*\" or an ARN, arn:partition:service:region:account:resource")
	}
	if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov", "*"}, parts[1]) {
		return fmt.Errorf("partition %q is not valid: expected aws", parts[1])
	}
	rules, ok := resourceForms[parts[2]]
	if !ok {
		return fmt.Errorf("vendor %q is not valid or not part of this platform", parts[2])
	}
	if err := rules.check(parts[2], parts[3], parts[4]); err != nil {
		return err
	}
	return rules.checkName(parts[2], parts[5])
}

func (a arnRules) check(service, region, account string) error {
	part := func(name, value string, wanted bool, valid func(string) bool) error {
		switch {
		case value == "" && wanted && !a.either:
			return fmt.Errorf("the ARN of a resource of %s names its %s", service, name)
		case value != "" && !wanted && !a.either:
			return fmt.Errorf("the ARN of a resource of %s has no %s, found %q", service, name, value)
		case value != "" && !strings.ContainsAny(value, "*?") && !valid(value):
			return fmt.Errorf("%s %q is not valid", name, value)
		}
		return nil
	}
	if err := part("region", region, a.region, awsname.Region.Allows); err != nil {
		return err
	}
	return part("account", account, a.account, isAccount)
}

func (a arnRules) checkName(service, name string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("the resource part is empty or has control characters")
	}
	if bucket, _, _ := strings.Cut(name, "/"); service == "s3" && (!bucketID.MatchString(bucket) || !strings.ContainsAny(bucket, "*?") && (len(bucket) < 3 || len(bucket) > 63)) {
		return fmt.Errorf("bucket name %q is not valid", bucket)
	}
	fixed := name
	if i := strings.IndexAny(name, "*?"); i >= 0 {
		fixed = name[:i]
	}
	begins := func(prefix string) bool {
		if prefix == "root" || prefix == "self" {
			return fixed == prefix
		}
		return len(name) > len(prefix) && strings.HasPrefix(fixed, prefix) || fixed != name && strings.HasPrefix(prefix, fixed)
	}
	if len(a.resources) > 0 && !slices.ContainsFunc(a.resources, begins) && !(service == "apigateway" && fixed == "/") {
		return fmt.Errorf("the resource part %q must begin with one of %s", name, strings.Join(a.resources, ", "))
	}
	return nil
}

// services are the service principals that may be named, without ".amazonaws.com".
var services = strings.Fields(`access-analyzer apigateway autoscaling backup batch bedrock cloudformation cloudfront cloudtrail cloudwatch codebuild
	codeconnections codedeploy codepipeline codestar-notifications config delivery.logs dynamodb ec2 ecr ecs ecs-tasks edgelambda eks
	elasticloadbalancing events firehose glue guardduty health inspector2 iot kinesis kms lambda logging.s3 logs member.org.stacksets.cloudformation
	monitoring ops.apigateway organizations pipes rds replication.dynamodb replicator.lambda s3 scheduler secretsmanager securityhub ses
	signin sns sqs ssm ssm-incidents sso states sts vpc-flow-logs xray`)

// knownService says whether a service principal exists, with or without a region.
func knownService(name string) bool {
	base, ok := strings.CutSuffix(name, ".amazonaws.com")
	if head, last, found := cutLast(base, "."); found && awsname.Region.Allows(last) {
		base = head
	}
	return ok && slices.Contains(services, base)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

var (
	principalOfIAM = regexp.MustCompile(`^arn:aws:iam::\d{12}:(root|(role|user)/[\w+=,.@/-]+)$`)
	principalOfSTS = regexp.MustCompile(`^arn:aws:sts::(\d{12}):(?:assumed-role/([\w+=,.@-]+)/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)$`)
	federated      = regexp.MustCompile(`^(arn:aws:iam::\d{12}:(oidc|saml)-provider/.+|cognito-identity\.amazonaws\.com|accounts\.google\.com|www\.amazon\.com|graph\.facebook\.com)$`)
)

func (v *validation) checkPrincipals(s Statement) {
	if !v.kind.attachedToResource() && v.kind != Trust {
		if s.hasElement("Principal") || s.hasElement("NotPrincipal") {
			v.fail("specifies a principal: an %s speaks of the identity that it is attached to", v.kind)
		}
		return
	}
	switch {
	case s.hasElement("Principal") == s.hasElement("NotPrincipal"):
		v.fail("needs a Principal or a NotPrincipal, and not both")
		return
	case s.hasElement("NotPrincipal") && s.Effect != "Deny":
		v.fail("has NotPrincipal: it is only supported with Deny")
	}
	p := s.Principal
	if p == nil {
		p = s.NotPrincipal
	}
	if !p.Everyone && len(p.AWS)+len(p.Service)+len(p.Federated)+len(p.CanonicalUser) == 0 {
		v.fail("has an empty principal")
	}
	v.checkPrincipal(p)
}

func (v *validation) checkPrincipal(p *Principals) {
	for _, a := range p.AWS {
		v.awsPrincipal(a)
	}
	for _, name := range p.Service {
		if !knownService(name) {
			v.fail("has the unknown service principal %q: expected, for instance, codebuild.amazonaws.com", name)
		}
	}
	for _, f := range p.Federated {
		if !federated.MatchString(f) {
			v.fail("has the invalid federated principal %q", f)
		}
	}
	if len(p.CanonicalUser) > 0 && v.kind.Service != "s3" {
		v.fail("has a CanonicalUser principal: only bucket policies know them")
	}
}

func (v *validation) awsPrincipal(a string) {
	session := principalOfSTS.FindStringSubmatch(a)
	switch {
	case a == "*" || awsname.Account.Allows(a):
	case principalOfIAM.MatchString(a):
		if !strings.HasSuffix(a, ":root") {
			v.checkExists(a, a)
		}
	case session != nil:
		if session[2] != "" {
			v.checkExists(arns.Role(session[1], session[2]), a)
		}
	default:
		v.fail("has the invalid principal in policy: \"AWS\":%q: expected an account id, or the ARN of an account's root, a role, a user or a session, without wildcards", a)
	}
}

func (v *validation) checkExists(arn, written string) {
	if v.env.Exists != nil && !v.env.Exists(arn) {
		v.fail("has the invalid principal in policy: \"AWS\":%q: it does not exist", written)
	}
}

var conditionKey = regexp.MustCompile(`^[A-Za-z0-9.-]+:[^\s:*?][^\s*?]*$`)

func (v *validation) checkCondition(c Condition) {
	o, ok := parseOperator(c.Operator)
	if !ok {
		v.fail("has the unknown condition operator %q", c.Operator)
		return
	}
	v.conditionKey(c.Key)
	if len(c.Values) == 0 {
		v.fail("has no value for condition %s %s", c.Operator, c.Key)
	}
	valid := valueChecks[o.base]
	for _, value := range c.Values {
		if valid != nil && !variable.MatchString(value) && !valid(value) {
			v.fail("has the value %q, which condition %s %s can't compare", value, c.Operator, c.Key)
		}
	}
}

func (v *validation) conditionKey(key string) {
	prefix, _, _ := strings.Cut(strings.ToLower(key), ":")
	known, held := reference.KnownKey(key)
	switch {
	case !conditionKey.MatchString(key):
		v.fail("has the condition key %q: expected service:name", key)
	case held && !known:
		v.fail("has the unknown condition key %q", key)
	case !held && !strings.Contains(prefix, "."):
		v.fail("has a condition key of the unknown service %q", prefix)
	}
}

// valueChecks says which values an operator can compare.
var valueChecks = func() map[string]func(string) bool {
	isNumber := func(s string) bool { return compareNumbers(func(int) bool { return true })(s, s, nil) }
	isDate := func(s string) bool { _, ok := parseDate(s); return ok }
	checks := map[string]func(string) bool{
		"Bool": isBool, "Null": isBool,
		"IpAddress":    func(s string) bool { _, ok := parsePrefix(s); return ok },
		"ArnEquals":    isARNPattern,
		"ArnLike":      isARNPattern,
		"BinaryEquals": func(s string) bool { return compareBinary(s, s, nil) },
	}
	for name := range comparisons {
		switch {
		case strings.HasPrefix(name, "Numeric"):
			checks[name] = isNumber
		case strings.HasPrefix(name, "Date"):
			checks[name] = isDate
		}
	}
	return checks
}()

func isARNPattern(s string) bool {
	return s == "*" || strings.HasPrefix(s, "arn:") && strings.Count(s, ":") >= 5
}

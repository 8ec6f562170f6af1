package iam

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/iam/reference"
)

// Kind is a kind of policy: where it is attached decides what it may say.
type Kind struct {
	name string
	// Service is set for policies of resources: s3, kms, sns, sqs, ecr, …
	Service string
}

// The kinds of policies that belong to IAM.
var (
	Identity = Kind{name: "identity policy"} // customer-managed
	Inline   = Kind{name: "inline policy"}   // of a role; see CheckInline for the limit
	Boundary = Kind{name: "permissions boundary"}
	Trust    = Kind{name: "trust policy"}
)

// Resource is the kind of policy that a service attaches to its resources, for
// instance "s3" for bucket policies and "kms" for key policies.
func Resource(service string) Kind { return Kind{service + " resource policy", service} }

// String names the kind in sentences.
func (k Kind) String() string { return k.name }

func (k Kind) attachedToResource() bool { return k.Service != "" }

// Env is what a document alone doesn't tell.
type Env struct {
	// Exists says whether the role or user with an ARN exists: AWS refuses
	// trust and resource policies that name one that doesn't. nil skips it.
	Exists func(arn string) bool
	// Owner is the ARN of the resource that carries the policy; empty skips
	// the rules that need it.
	Owner string
	// Caller stores a key policy and must still be able to change it
	// afterwards; nil skips that rule.
	Caller *Principal
}

// Limits on the size of documents, in characters. IAM does not count white
// space. See "IAM and AWS STS quotas", "Bucket policies" (20 KB), "Key
// policies" (32 KB), and the quotas of SNS, SQS, ECR, Secrets Manager and
// EventBridge.
const (
	maxManaged = 6144
	maxInline  = 10240
	maxTrust   = 2048
)

var maxOfService = map[string]int{
	"s3": 20 * 1024, "kms": 32 * 1024, "sns": 30 * 1024, "sqs": 8192,
	"ecr": 10240, "secretsmanager": 20480, "events": 10240, "lambda": 20 * 1024, "dynamodb": 20 * 1024,
}

// Validate says everything for which AWS would refuse to store a policy.
func Validate(kind Kind, text string, env Env) error {
	if strings.TrimLeftFunc(text, unicode.IsSpace) != text {
		return fmt.Errorf("MalformedPolicyDocument: the %s begins with white space: expected \"{\"", kind)
	}
	d, err := Parse(text)
	if err != nil {
		return err
	}
	v := &validation{kind: kind, env: env, sids: map[string]bool{}}
	v.checkSize(text)
	v.checkDocument(d)
	return errors.Join(v.errs...)
}

// CheckInline says whether the inline policies of one role fit together.
func CheckInline(texts ...string) error {
	total := 0
	for _, t := range texts {
		total += size(t)
	}
	if total > maxInline {
		return fmt.Errorf("LimitExceeded: the role's inline policies have %d characters without white space: at most %d are allowed; attach a managed policy instead", total, maxInline)
	}
	return nil
}

func size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// validation gathers everything that is wrong.
type validation struct {
	kind Kind
	env  Env
	sids map[string]bool
	errs []error
	at   string // the statement at hand
}

func (v *validation) fail(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("MalformedPolicyDocument: "+v.at+format, args...))
}

func (v *validation) checkSize(text string) {
	n, limit := size(text), maxManaged
	switch {
	case v.kind == Inline:
		limit = maxInline
	case v.kind == Trust:
		limit = maxTrust
	case v.kind.attachedToResource():
		n, limit = len(text), maxOfService[v.kind.Service]
	}
	if limit > 0 && n > limit {
		v.errs = append(v.errs, fmt.Errorf("LimitExceeded: the %s has %d characters: at most %d are allowed", v.kind, n, limit))
	}
}

func (v *validation) checkDocument(d Document) {
	if d.Version != Version {
		v.fail("version %q: expected %q", d.Version, Version)
	}
	if len(d.Statements) == 0 {
		v.fail("the %s has no statement", v.kind)
	}
	for _, s := range d.Statements {
		v.at = strings.ReplaceAll(s.label(), "%", "%%") + " "
		v.checkStatement(s)
	}
	v.at = ""
	v.checkService(d)
}

var (
	sidOfIAM      = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	sidOfResource = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+@-]*$`)
)

func (v *validation) checkStatement(s Statement) {
	pattern := sidOfIAM
	if v.kind.attachedToResource() {
		pattern = sidOfResource
	}
	if !pattern.MatchString(s.Sid) {
		v.fail("has a Sid that doesn't match %s", pattern)
	}
	if s.Sid != "" && v.sids[s.Sid] {
		v.fail("has a Sid that another statement has: Sids must be unique in a policy")
	}
	v.sids[s.Sid] = true
	if s.Effect != "Allow" && s.Effect != "Deny" {
		v.fail("has effect %q: expected Allow or Deny", s.Effect)
	}
	v.checkPrincipals(s)
	v.checkActions(s)
	v.checkResources(s)
	for _, c := range s.Conditions {
		v.checkCondition(c)
	}
}

// oneOf requires exactly one of two elements, with at least one value.
func (v *validation) oneOf(s Statement, element string, values, notValues []string) {
	has, hasNot := s.hasElement(element), s.hasElement("Not"+element)
	switch {
	case has && hasNot:
		v.fail("has both %s and Not%s: expected one of them", element, element)
	case !has && !hasNot:
		v.fail("has no %s", element)
	case len(values)+len(notValues) == 0:
		v.fail("has an empty %s", element)
	}
}

func (v *validation) checkActions(s Statement) {
	v.oneOf(s, "Action", s.Action, s.NotAction)
	for _, a := range slices.Concat(s.Action, s.NotAction) {
		v.checkAction(a)
	}
}

// trustActions are all that a trust policy may speak of ("AssumeRole policy may
// only specify STS AssumeRole actions").
var trustActions = []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"}

// topicActions are all that a topic policy may speak of ("Policy statement
// action out of service scope"). See "Example cases for Amazon SNS access
// control".
var topicActions = []string{"sns:AddPermission", "sns:DeleteTopic", "sns:GetDataProtectionPolicy", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource", "sns:Publish", "sns:PutDataProtectionPolicy", "sns:RemovePermission", "sns:SetTopicAttributes", "sns:Subscribe", "sns:Receive"}

func (v *validation) checkAction(a string) {
	if !knownAction(a) {
		v.fail("has the unknown action %q: expected service:Action as in the service authorization reference", a)
		return
	}
	is := func(known string) bool { return strings.EqualFold(known, a) }
	service, _, _ := strings.Cut(strings.ToLower(a), ":")
	switch {
	case v.kind == Trust && !slices.ContainsFunc(trustActions, is):
		v.fail("has the action %q: a trust policy may only specify sts:AssumeRole actions", a)
	case v.kind.Service == "sns" && !slices.ContainsFunc(topicActions, is):
		v.fail("has the action %q, which is out of the scope of a topic policy: expected one of %s", a, strings.Join(topicActions, ", "))
	case v.kind.attachedToResource() && a != "*" && service != v.kind.Service:
		v.fail("has the action %q of another service in a %s", a, v.kind)
	}
}

// knownAction says whether an action exists or a pattern matches one that does.
func knownAction(a string) bool {
	if !strings.ContainsAny(a, "*?") {
		return reference.Known(a)
	}
	return a == "*" || strings.Contains(a, ":") && slices.ContainsFunc(reference.Actions(), func(known string) bool { return matchAction(a, known) })
}

func (v *validation) checkResources(s Statement) {
	switch {
	case v.kind == Trust && (s.hasElement("Resource") || s.hasElement("NotResource")):
		v.fail("has prohibited field Resource: a trust policy speaks of its role")
		return
	case v.kind.Service == "ecr" && (s.hasElement("Resource") || s.hasElement("NotResource")):
		v.fail("has a Resource: a repository policy speaks of its repository")
		return
	case v.kind == Trust || v.kind.Service == "ecr":
		return
	}
	v.oneOf(s, "Resource", s.Resource, s.NotResource)
	for _, r := range slices.Concat(s.Resource, s.NotResource) {
		if err := checkResource(r); err != nil {
			v.fail("has the resource %q: %w", r, err)
			continue
		}
		if v.env.Owner != "" && v.kind.attachedToResource() && !ownedBy(r, v.env.Owner) {
			v.fail("has the resource %q, which is not %s", r, v.env.Owner)
		}
	}
	if v.kind.Service == "s3" && !s.hasElement("NotResource") && !s.hasElement("NotAction") {
		v.bucketStatement(s)
	}
}

// ownedBy says whether a resource of a resource policy is its owner or lies in it.
func ownedBy(resource, owner string) bool {
	return resource == owner || resource == "*" && arns.Of(owner).Service != "s3" ||
		strings.HasPrefix(resource, owner+"/") || resource == owner+"*" || glob(resource, owner) && strings.HasPrefix(resource, "arn:")
}

// bucketStatement refuses an action that none of the statement's resources
// can have ("Action does not apply to any resource(s) in statement").
func (v *validation) bucketStatement(s Statement) {
	var bucket, object bool
	for _, r := range s.Resource {
		inBucket := strings.Contains(r, "/")
		object = object || inBucket || strings.Contains(r, "*")
		bucket = bucket || !inBucket
	}
	for _, a := range s.Action {
		if strings.ContainsAny(a, "*?") {
			continue
		}
		if onObjects := isObjectAction(a); onObjects && !object || !onObjects && !bucket {
			v.fail("has the action %q, which does not apply to any resource in the statement: object actions need bucket/*, bucket actions the bucket", a)
		}
	}
}

func isObjectAction(action string) bool {
	_, name, _ := strings.Cut(action, ":")
	if strings.HasPrefix(name, "GetBucket") || strings.HasPrefix(name, "PutBucket") {
		return false // GetBucketObjectLockConfiguration
	}
	return strings.Contains(name, "Object") || slices.Contains([]string{"AbortMultipartUpload", "ListMultipartUploadParts", "BypassGovernanceRetention", "ReplicateDelete", "ReplicateTags", "InitiateReplication"}, name)
}

// checkService holds rules about a whole document of one service.
func (v *validation) checkService(d Document) {
	switch v.kind.Service {
	case "sqs":
		v.checkQueue(d)
	case "kms":
		v.checkLockout(d)
	}
}

// checkQueue holds the quotas of SQS policies ("Amazon SQS policy quotas"): seven
// actions a statement, twenty statements, fifty principals, ten conditions.
func (v *validation) checkQueue(d Document) {
	principals, conditions := 0, 0
	for _, s := range d.Statements {
		if len(s.Action) > 7 {
			v.fail("%s has %d actions: a queue policy may have 7 in a statement", s.label(), len(s.Action))
		}
		if s.Principal != nil {
			principals += len(s.Principal.AWS) + len(s.Principal.Service)
		}
		conditions += len(s.Conditions)
	}
	if len(d.Statements) > 20 || principals > 50 || conditions > 10 {
		v.fail("the queue policy has %d statements, %d principals and %d conditions: at most 20, 50 and 10 are allowed", len(d.Statements), principals, conditions)
	}
}

// checkLockout is the safety check of PutKeyPolicy and CreateKey: the caller, or
// the caller's account, must stay able to change the policy. See "Key
// policies", BypassPolicyLockoutSafetyCheck.
func (v *validation) checkLockout(d Document) {
	if v.env.Caller == nil {
		return
	}
	for _, s := range d.Statements {
		if s.Effect == "Allow" && s.Principal != nil && s.reachesResource(*v.env.Caller) != noReach && s.aboutAction("kms:PutKeyPolicy") {
			return
		}
	}
	v.fail("the new key policy will not allow you to update the key policy in the future: allow kms:PutKeyPolicy to %s or %s", v.env.Caller.principalARN(), arns.Root(v.env.Caller.Account))
}

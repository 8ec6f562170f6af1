package access

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/iam/reference"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// Permission is one entry of the workload permissions: the actions that a
// preview needs (Read), those that only a deployment needs (Write), and the
// resources of both.
type Permission struct {
	Read  []string `json:"read"`
	Write []string `json:"write"`
	// Resources are ARNs in which ${region}, ${account}, ${environment} and
	// ${suffix} stand for the target's values. "*" is accepted only for
	// actions for which AWS defines no narrower resource.
	Resources []string `json:"resources"`
}

// Default are the permissions of the sample workload in
// examples/infrastructure: a topic, a parameter with its ARN, and a queue with
// a dead-letter queue. The actions are the ones that the AWS provider calls.
func Default() []Permission {
	const tail = "-${environment}-${suffix}"
	regional := func(service, resource string) string {
		return "arn:aws:" + service + ":${region}:${account}:" + resource + tail
	}
	return []Permission{
		{
			Read:      []string{"sns:GetTopicAttributes", "sns:ListTagsForResource"},
			Write:     []string{"sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource"},
			Resources: []string{regional("sns", naming.WorkloadTopic.Prefix)},
		},
		{
			Read:      []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:ListTagsForResource"},
			Write:     []string{"ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"},
			Resources: []string{regional("ssm", "parameter/"+naming.WorkloadParameter.Prefix)},
		},
		{
			// The provider finds a parameter's description with it on every read.
			Read:      []string{"ssm:DescribeParameters"},
			Resources: []string{"*"},
		},
		{
			Read:  []string{"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"},
			Write: []string{"sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"},
			Resources: []string{
				regional("sqs", naming.WorkloadQueue.Prefix),
				regional("sqs", naming.WorkloadDeadQueue.Prefix),
			},
		},
	}
}

// readVerbs are the beginnings of actions that change nothing. sqs:ReceiveMessage
// and the like are not among them on purpose.
var readVerb = regexp.MustCompile(`^[a-z0-9-]+:(?:Get|List|Describe|BatchGet|Head|Lookup|Select|Query|Scan|View)[A-Za-z0-9]*$`)

// place fills the templates of the resources.
type place struct {
	target naming.Scope
	names  naming.Namer
}

func (p place) expand(template string) (string, error) {
	arn := strings.NewReplacer(
		"${region}", p.target.Region,
		"${account}", p.target.Account,
		"${environment}", string(p.names.Environment()),
		"${suffix}", p.names.Suffix(),
	).Replace(template)
	switch {
	case strings.Contains(arn, "${"):
		return "", fmt.Errorf("resource %q has an unknown variable: expected ${region}, ${account}, ${environment} or ${suffix}", template)
	case arn != "*" && len(strings.SplitN(arn, ":", 6)) != 6:
		return "", fmt.Errorf("resource %q is not an ARN: expected for example arn:aws:sqs:${region}:${account}:orders-queue-${environment}-${suffix}", template)
	}
	return arn, nil
}

// policies are the three documents that the permissions turn into.
type policies struct {
	preview, deploy, boundary iampolicy.Document
}

// compile checks the permissions and turns them into policies, or says
// everything that is wrong with them. The boundary is the union of both roles:
// whatever policy is attached to them later, they can't do more.
func (p place) compile(permissions []Permission) (policies, error) {
	var out policies
	var errs []error
	var reads, both []iampolicy.Statement
	for i, permission := range permissions {
		if err := p.check(permission); err != nil {
			errs = append(errs, fmt.Errorf("workload[%d]: %w", i, err))
			continue
		}
		if len(permission.Read) > 0 {
			reads = append(reads, p.statement(fmt.Sprintf("Read%d", i), permission.Read, permission.Resources))
		}
		both = append(both, p.statement(fmt.Sprintf("Use%d", i), slices.Concat(permission.Read, permission.Write), permission.Resources))
	}
	if len(permissions) == 0 {
		errs = append(errs, errors.New("the workload has no permission: give at least one, or leave the key out for the default"))
	}
	if len(errs) == 0 && len(reads) == 0 {
		errs = append(errs, errors.New("the workload has nothing to read, so nothing could be previewed: list read actions"))
	}
	if len(errs) > 0 {
		return out, errors.Join(errs...)
	}
	out.preview, out.deploy, out.boundary = iampolicy.New(reads...), iampolicy.New(both...), iampolicy.New(both...)
	return out, errors.Join(out.preview.Check(), out.deploy.Check())
}

func (p place) check(permission Permission) error {
	actions := slices.Concat(permission.Read, permission.Write)
	if len(actions) == 0 || len(permission.Resources) == 0 {
		return errors.New("needs read or write actions, and resources")
	}
	var errs []error
	for _, a := range permission.Read {
		if !readVerb.MatchString(a) {
			errs = append(errs, fmt.Errorf("%q does not only read: list it under write", a))
		}
	}
	for _, r := range permission.Resources {
		arn, err := p.expand(r)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, p.checkResource(arn, actions))
	}
	return errors.Join(errs...)
}

// checkResource refuses what would undo the boundary: any resource for actions
// that could be narrowed, and rights on the roles and the boundary themselves.
func (p place) checkResource(arn string, actions []string) error {
	if arn == "*" {
		for _, a := range actions {
			if !reference.Resourceless(a) {
				return fmt.Errorf("%q is allowed on any resource, but AWS can narrow it: give its resources", a)
			}
		}
		return nil
	}
	body, open := strings.CutSuffix(arn, "*")
	for _, own := range p.own() {
		if arn == own || open && strings.HasPrefix(own, body) {
			return fmt.Errorf("resource %q covers %s, one of the platform's own: a workload may not change what limits it", arn, own)
		}
	}
	return nil
}

func (p place) own() []string {
	return []string{
		p.target.Role(p.names.Of(naming.PreviewRole)),
		p.target.Role(p.names.Of(naming.DeployRole)),
		p.target.Policy(p.names.Of(naming.PermissionsBoundary)),
	}
}

// statement is only called for checked permissions.
func (p place) statement(sid string, actions, templates []string) iampolicy.Statement {
	s := iampolicy.Allow(actions...).Named(sid)
	if slices.Contains(templates, "*") {
		return s.AnyResource("AWS defines no narrower resource for these actions")
	}
	var arns []string
	for _, t := range templates {
		arn, _ := p.expand(t)
		arns = append(arns, arn)
	}
	return s.On(arns...)
}

package cloud

import (
	"encoding/json"
	"fmt"
	"strings"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/eventbridge"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
)

// Call is a request to be authorised. Either Session or Service is set.
type Call struct {
	Session  *Session
	Service  string // service principal, for instance events.amazonaws.com
	Action   string // for instance s3:GetObject
	Resource string // ARN of the resource, "*" for actions without one
	Context  map[string][]string
	// Policy overrides the lookup of the resource's own policy: for a resource
	// that is being created with it.
	Policy string
}

// Denied is a refused call.
type Denied struct {
	Who, Action, Resource, Reason string
}

// Error says who, what, which resource and why.
func (d *Denied) Error() string {
	return fmt.Sprintf("AccessDenied: %s is not authorized to perform: %s on resource: %s because %s", d.Who, d.Action, d.Resource, d.Reason)
}

// Authorize evaluates every policy that applies to a call. The error is a
// *Denied. Allowed and denied calls are counted and written to the journal.
func (c *Cloud) Authorize(call Call) error {
	if denied := c.judge(call); denied != nil {
		return c.deny(denied)
	}
	c.mu.Lock()
	c.allowed++
	c.mu.Unlock()
	c.Journal.Add(Event{Kind: "call", Subject: call.Action, Message: call.who() + " " + call.Action + " " + call.Resource,
		Fields: map[string]any{"who": call.who(), "action": call.Action, "resource": call.Resource}})
	return nil
}

// Allowed is Authorize for a question that is not a call: nothing is counted.
func (c *Cloud) Allowed(call Call) error {
	if denied := c.judge(call); denied != nil {
		return denied
	}
	return nil
}

// who is the caller's name in messages.
func (call Call) who() string {
	if call.Session != nil {
		return call.Session.ARN()
	}
	return call.Service
}

func (c *Cloud) judge(call Call) *Denied {
	req := iam.Request{Action: call.Action, Resource: call.Resource, ResourceAccount: c.owner(call), Context: call.Context, Time: c.Now()}
	var policies iam.Policies
	if call.Session != nil {
		req.Principal = call.Session.Principal
		policies.Identity, policies.Boundary = c.identity(call.Session.Role)
		if !c.Now().Before(call.Session.Expires) {
			return &Denied{call.who(), call.Action, call.Resource, "ExpiredToken: the session's credentials have expired"}
		}
	} else {
		req.Principal = iam.Principal{Kind: iam.Service, ARN: call.Service}
	}
	policies.Resource = c.resourcePolicy(call)
	if d := iam.Evaluate(req, policies); !d.Allowed {
		return &Denied{call.who(), call.Action, call.Resource, d.Reason}
	}
	if c.witness != nil {
		c.witness(req, policies)
	}
	return nil
}

func (c *Cloud) deny(d *Denied) error {
	c.mu.Lock()
	c.denied = append(c.denied, d)
	c.mu.Unlock()
	c.Journal.Add(Event{Kind: "denied", Subject: d.Action, Message: d.Error(),
		Fields: map[string]any{"who": d.Who, "action": d.Action, "resource": d.Resource}})
	return d
}

// Counts returns how many calls were allowed and which were denied.
func (c *Cloud) Counts() (allowed int, denied []*Denied) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.allowed, append([]*Denied(nil), c.denied...)
}

// owner is the account that a resource belongs to: from its ARN or, for S3,
// from the resource table.
func (c *Cloud) owner(call Call) string {
	on := arns.Of(call.Resource)
	if on.Account != "" {
		return on.Account
	}
	if on.Service == "s3" {
		bucket, _, _ := strings.Cut(on.Resource, "/")
		if b := c.First("", typetoken.Bucket, func(r *Resource) bool { return r.Name == bucket }); b != nil {
			return b.Account
		}
	}
	if call.Session != nil {
		return call.Session.Account
	}
	return ""
}

// identity returns a role's policies and its permissions boundary.
func (c *Cloud) identity(role *Resource) ([]iam.Named, *iam.Named) {
	if role = c.Get(role.Account, typetoken.Role, role.ID); role == nil {
		return nil, nil // the role was deleted: nothing is allowed any more
	}
	var out []iam.Named
	for _, p := range c.Find(role.Account, typetoken.RolePolicy, func(r *Resource) bool { return r.Str("role") == role.Name }) {
		out = append(out, iam.Named{Name: p.Str("name"), Document: p.Str("policy")})
	}
	for _, a := range c.Find(role.Account, typetoken.RolePolicyAttachment, func(r *Resource) bool { return r.Str("role") == role.Name }) {
		if p := c.ByARN(a.Str("policyArn")); p != nil {
			out = append(out, iam.Named{Name: p.Name, Document: p.Str("policy")})
		}
	}
	arn := role.Str("permissionsBoundary")
	if arn == "" {
		return out, nil
	}
	if p := c.ByARN(arn); p != nil {
		return out, &iam.Named{Name: p.Name, Document: p.Str("policy")}
	}
	return out, &iam.Named{Name: arn, Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`}
}

// resourcePolicy returns the policy that the resource itself carries.
func (c *Cloud) resourcePolicy(call Call) *iam.Named {
	if call.Policy != "" {
		return &iam.Named{Name: call.Resource, Document: call.Policy}
	}
	on := arns.Of(call.Resource)
	named := func(r *Resource, property string) *iam.Named {
		if r == nil || r.Str(property) == "" {
			return nil
		}
		return &iam.Named{Name: r.Type + " " + r.ID, Document: r.Str(property)}
	}
	switch on.Service {
	case "s3":
		bucket, _, _ := strings.Cut(on.Resource, "/")
		return named(c.First("", typetoken.BucketPolicy, func(r *Resource) bool { return r.Str("bucket") == bucket }), "policy")
	case "kms":
		return named(c.ByARN(call.Resource), "policy")
	case "iam":
		if call.Action == "sts:AssumeRole" {
			return named(c.ByARN(call.Resource), "assumeRolePolicy")
		}
	case "sns":
		return named(c.First("", typetoken.TopicPolicy, func(r *Resource) bool { return r.Str("arn") == call.Resource }), "policy")
	case "sqs":
		return named(c.First("", typetoken.QueuePolicy, func(r *Resource) bool { return r.Str("arn") == call.Resource || c.queueARN(r) == call.Resource }), "policy")
	case "ecr":
		return named(c.First(on.Account, typetoken.RepositoryPolicy, func(r *Resource) bool { return "repository/"+r.Str("repository") == on.Resource }), "policy")
	case "lambda":
		return c.functionPolicy(on.Account, call.Resource)
	case "events":
		return named(c.First(on.Account, typetoken.EventBusPolicy, func(r *Resource) bool { return "event-bus/"+eventbridge.BusName(r.Str("eventBusName")) == on.Resource }), "policy")
	}
	return nil
}

// queueARN resolves the queue URL of a queue policy.
func (c *Cloud) queueARN(policy *Resource) string {
	if q := c.First(policy.Account, typetoken.Queue, func(r *Resource) bool { return r.ID == policy.Str("queueUrl") }); q != nil {
		return q.ARN
	}
	return ""
}

// functionPolicy gathers a function's permissions into one document.
func (c *Cloud) functionPolicy(account, arn string) *iam.Named {
	var statements []map[string]any
	for _, p := range c.Find(account, typetoken.Permission, nil) {
		f := p.Str("function")
		if f != arn && !strings.HasSuffix(arn, ":function:"+f) {
			continue
		}
		s := map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": p.Str("principal")}, "Action": p.Str("action"), "Resource": arn}
		cond := map[string]any{}
		if v := p.Str("sourceArn"); v != "" {
			cond["ArnLike"] = map[string]any{"AWS:SourceArn": v}
		}
		if v := p.Str("sourceAccount"); v != "" {
			cond["StringEquals"] = map[string]any{"AWS:SourceAccount": v}
		}
		if len(cond) > 0 {
			s["Condition"] = cond
		}
		statements = append(statements, s)
	}
	if len(statements) == 0 {
		return nil
	}
	b, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements}) // strings and maps always marshal
	return &iam.Named{Name: "permissions of " + arn, Document: string(b)}
}

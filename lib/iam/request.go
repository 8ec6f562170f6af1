package iam

import (
	"cmp"
	"maps"
	"strconv"
	"strings"
	"time"

	"delivery.internal/lib/aws/arns"
)

// PrincipalKind is the kind of a principal.
type PrincipalKind int

// The kinds of principals.
const (
	Role    PrincipalKind = iota // a session of a role
	User                         // an IAM user
	Root                         // the root user of an account
	Service                      // an AWS service
)

// Principal is who makes a request.
type Principal struct {
	Kind PrincipalKind
	// ARN is the ARN as GetCallerIdentity returns it, for a role that of the
	// session, or the name of a service.
	ARN string
	// PrincipalARN is the ARN of the role or user. Empty means the same as ARN.
	PrincipalARN string
	// Account is the principal's account; empty for a service.
	Account string
	// Tags are the tags of the principal and its session.
	Tags map[string]string
}

// principalARN is what aws:PrincipalArn says.
func (p Principal) principalARN() string {
	if p.PrincipalARN != "" {
		return p.PrincipalARN
	}
	return p.ARN
}

// Request is one action on one resource.
type Request struct {
	Principal Principal
	Action    string // for instance s3:GetObject
	Resource  string // ARN, or "*" for an action without a resource
	// ResourceAccount owns the resource; empty means the principal's account.
	ResourceAccount string
	// Context holds condition keys beyond those that AWS fills in for every
	// request; what is given here wins. Keys are compared without case.
	Context map[string][]string
	// Time is the time of the request; zero means now.
	Time time.Time
}

// Named is a policy with the name that explanations use.
type Named struct {
	Name     string
	Document string // JSON
}

// Policies are all policies that have a say in a request.
type Policies struct {
	Identity []Named // of the user or role, managed and inline
	Boundary *Named  // permissions boundary
	Session  *Named  // passed when the role was assumed
	Resource *Named  // of the resource: bucket, key, topic policy, trust policy, …
	SCP      []Named // service control policies that apply to the principal's account
}

func (r Request) crossAccount() bool {
	return r.Principal.Kind != Service && r.ResourceAccount != "" && r.ResourceAccount != r.Principal.Account
}

// contextValues returns the request's condition keys in lower case, with the global
// keys that AWS includes in every request. See "AWS global condition context
// keys".
func (r Request) contextValues() variables {
	now := r.Time
	if now.IsZero() {
		now = time.Now()
	}
	out := variables{
		"aws:currenttime":           {now.UTC().Format(time.RFC3339)},
		"aws:epochtime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:securetransport":       {"true"},
		"aws:requestedregion":       {regionOf(r.Resource)},
		"aws:viaawsservice":         {"false"},
		"aws:principalisawsservice": {strconv.FormatBool(r.Principal.Kind == Service)},
	}
	set := func(key, value string) {
		if value != "" {
			out[key] = []string{value}
		}
	}
	set("aws:resourceaccount", r.ResourceAccount)
	if r.Principal.Kind == Service {
		set("aws:principalservicename", r.Principal.ARN)
	} else {
		set("aws:resourceaccount", cmp.Or(r.ResourceAccount, r.Principal.Account))
		set("aws:principalarn", r.Principal.principalARN())
		set("aws:principalaccount", r.Principal.Account)
		set("aws:principaltype", map[PrincipalKind]string{Role: "AssumedRole", User: "User", Root: "Account"}[r.Principal.Kind])
		for k, v := range r.Principal.Tags {
			out["aws:principaltag/"+strings.ToLower(k)] = []string{v}
		}
	}
	if r.Principal.Kind == User {
		set("aws:username", r.Principal.ARN[strings.LastIndex(r.Principal.ARN, "/")+1:])
	}
	given := variables{}
	for k, v := range r.Context {
		given[strings.ToLower(k)] = v
	}
	maps.Copy(out, given)
	return out
}

// regionOf is the region that a request goes to: the resource's, or the home
// region of global services.
func regionOf(arn string) string {
	return cmp.Or(arns.Of(arn).Region, "us-east-1")
}

package provider

import (
	"regexp"

	"delivery.internal/lib/iam"
	"delivery.internal/lib/rehearsal/cloud"
)

// Shape is the type of an input.
type Shape int

// The shapes of inputs. Any is for assets and free-form values.
const (
	String Shape = iota
	Number
	Bool
	List
	Map
	Object
	Any
)

// Input describes one input property of a resource type: what AWS accepts.
type Input struct {
	Shape    Shape
	Required bool
	// Replace says that a change of the input replaces the resource.
	Replace bool
	// Computed says that AWS fills the value in where it is not given.
	Computed bool
	// Default is what AWS uses where the input is not given; it appears in
	// the outputs.
	Default any
	// Match must match a string as a whole (it is anchored); nil accepts all.
	Match *regexp.Regexp
	// Min and Max bound the length of a string or list, or the value of a
	// number. Max 0 means unbounded.
	Min, Max float64
	// Enum lists the only accepted strings.
	Enum []string
	// Secret makes the output a secret, whatever the input was.
	Secret bool
	// Elem describes the elements of a List or Map.
	Elem *Input
	// Fields describes the properties of an Object.
	Fields map[string]Input
	// Policy is set for JSON policies: the kind that iam.Validate checks.
	Policy *iam.Kind
	// Refers is set for inputs that name another resource, which must exist
	// when the resource is created or updated.
	Refers *Reference
}

// Reference says which resource an input names.
type Reference struct {
	// Types are the type tokens that satisfy the reference.
	Types []string
	// By says what the input holds: "id", "arn" or "name"; several are tried
	// in order when separated by commas, for instance "name,arn".
	By string
	// AnyAccount allows the resource to be in another account.
	AnyAccount bool
}

// Actions are the IAM actions that the provider's credentials need on the
// resource (Kind.ARN, or "*" where the type has none), by operation, as the
// real provider calls them.
type Actions struct {
	Create, Read, Update, Delete []string
}

// Kind is one resource type of the local cloud.
type Kind struct {
	// Token is the Pulumi type token.
	Token string
	// Inputs are all inputs that the type accepts.
	Inputs map[string]Input
	// Name is the input that holds the physical name; "" where there is none.
	// A missing name is an error: the platform names everything.
	Name string
	// Global says that the name is unique in all accounts (buckets).
	Global bool
	// Taken is AWS's error where the name is in use, a format for the name;
	// empty means a general one.
	Taken string
	// ARN builds the ARN from the account and the name; nil where there is none.
	ARN func(account, name string) string
	// ID returns the provider's id; nil means the name.
	ID func(c *Call) string
	// Plan checks what single inputs can't say, before anything is created.
	// Values that are not known yet are absent from Inputs and listed in
	// Call.Unknown.
	Plan func(c *Call) error
	// Replaces names, in addition to Input.Replace, the inputs whose change
	// from Old.Inputs to Inputs replaces the resource.
	Replaces func(c *Call) []string
	// Outputs returns the outputs beyond inputs and their defaults, "arn" and
	// "id" (which the server adds). It may have effects in other parts of the
	// cloud (a bucket in the object store) and refuse: it is called at Create
	// (Old nil) and Update.
	Outputs func(c *Call) (map[string]any, error)
	// Computed are the names of the outputs that Outputs returns: at preview
	// they are unknown.
	Computed []string
	// Secrets are the names of outputs that are secret.
	Secrets []string
	// Delete refuses what AWS would refuse to delete, and undoes effects that
	// Outputs had.
	Delete func(c *Call) error
	// Actions are needed by the credentials. Policies of resources that are
	// being created don't count yet.
	Actions Actions
	// UpdateBy replaces Actions.Update by the actions for the changed inputs;
	// a changed input that it does not list needs Actions.Update.
	UpdateBy map[string][]string
	// Target returns the ARNs on which an action is authorised, for types that
	// have no ARN of their own (the policy of a bucket: the bucket's) or need
	// several. nil means the resource's own ARN, or "*" where it has none.
	Target func(c *Call, action string) []string
	// Slot names what AWS has only one of, for types without a name: two
	// resources with equal values of these inputs collide (a bucket has one
	// policy, a rule one target of an id). On AWS the second silently replaces
	// the first; here it is an error.
	Slot []string
}

// Call is one operation on one resource.
type Call struct {
	Cloud *cloud.Cloud
	// Session is the provider's credentials after any assumed role; nil for
	// github and random.
	Session *cloud.Session
	// Account is where the resource lives; "github" or "random" for these.
	Account string
	// URN and Stack (organization/project/stack) of the resource.
	URN, Stack string
	// Inputs are plain values: string, float64, bool, []any, map[string]any.
	// Assets and archives are map[string]any{"asset": path, "hash": …}, whose
	// bytes the function load returns.
	Inputs map[string]any
	// Unknown lists the top-level inputs that hold values not known yet.
	Unknown map[string]bool
	// Old is the resource as it is; nil at Create.
	Old *cloud.Resource
	// ID, ARN and Name of the resource, set before Outputs is called.
	ID, ARN, Name string

	partial map[string]any  // what is known of the inputs in Unknown
	secret  map[string]bool // inputs that no message may show
}

// Str returns a string input by a dotted path, "" where there is none.
func (c *Call) Str(path string) string {
	s, _ := cloud.Lookup(c.Inputs, path).(string)
	return s
}

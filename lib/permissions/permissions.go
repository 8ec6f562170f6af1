package permissions

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
)

// Change is a resource before and after, with its inputs as a plan or a
// preview's events hold them. A nil map is a resource that does not exist then.
// Resources that stay as they are may be passed as well: policies that others
// refer to are found among them.
type Change struct {
	URN, Type     string
	Before, After map[string]any
}

// Finding is what a change does to what is allowed.
type Finding struct {
	URN     string
	Verdict iam.Verdict
	// Broadenings say what becomes possible; empty unless broadened.
	Broadenings []iam.Broadening
}

// Compare judges changes that happen together, in their order.
func Compare(changes []Change) []Finding {
	all := newContext(changes)
	var out []Finding
	for _, c := range changes {
		d := &differ{Change: c, context: all}
		if !reflect.DeepEqual(c.Before, c.After) || d.unsure() {
			d.compare()
		}
		f := Finding{URN: c.URN, Verdict: d.verdict, Broadenings: d.broadenings}
		out = append(out, f)
	}
	return out
}

// Broadened is all findings that broaden.
func Broadened(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Verdict != iam.Broadened })
}

// differ gathers what one change does.
type differ struct {
	Change
	context     *context
	verdict     iam.Verdict
	broadenings []iam.Broadening
}

func (d *differ) compare() {
	compare, known := kinds[d.Type]
	if !known {
		compare = unknownKind
	}
	compare(d)
}

// unsure says whether equal inputs may still differ, because some are computed.
func (d *differ) unsure() bool { return hasUnknown(d.Before) || hasUnknown(d.After) }

// broadens notes a broadening in words.
func (d *differ) broadens(format string, args ...any) {
	d.note(iam.Broadened, iam.Broadening{Sentence: fmt.Sprintf(format, args...)})
}

func (d *differ) note(v iam.Verdict, more ...iam.Broadening) {
	d.verdict = max(d.verdict, v)
	d.broadenings = append(d.broadenings, more...)
}

// name is the logical name of the resource.
func (d *differ) name() string { return d.URN[strings.LastIndex(d.URN, ":")+1:] }

// context is what the changes say together.
type context struct {
	gone      map[string]bool      // "kind name" of what is deleted, with all that is attached to it
	documents map[string][2]string // of managed policies before and after, by the end of their ARN
}

// names are the inputs with the physical name of what policies are attached to.
var names = map[string][2]string{
	typetoken.Role:         {"role", "name"},
	"aws:iam/user:User":    {"user", "name"},
	"aws:iam/group:Group":  {"group", "name"},
	typetoken.Bucket:       {"bucket", "bucket"},
	"aws:s3/bucket:Bucket": {"bucket", "bucket"},
	typetoken.Topic:        {"topic", "name"},
	typetoken.Queue:        {"queue", "name"},
	typetoken.Repository:   {"repository", "name"},
	typetoken.Function:     {"function", "name"},
}

func newContext(changes []Change) *context {
	c := &context{gone: map[string]bool{}, documents: map[string][2]string{}}
	for _, change := range changes {
		if n, ok := names[change.Type]; ok && change.After == nil {
			if v := read(change.Before, n[1]); v.known() {
				c.gone[n[0]+" "+v.text] = true
			}
		}
		if change.Type == typetoken.Policy {
			before, after := managed(change.Before), managed(change.After)
			for _, m := range []managedPolicy{before, after} {
				if m.suffix != "" {
					c.documents[m.suffix] = [2]string{before.document, after.document}
				}
			}
		}
	}
	return c
}

type managedPolicy struct{ suffix, document string }

// managed is a policy's document by how its ARN will end.
func managed(inputs map[string]any) managedPolicy {
	name, path, doc := read(inputs, "name"), read(inputs, "path"), read(inputs, "policy")
	if !name.known() || !doc.known() || path.unknown {
		return managedPolicy{}
	}
	if path.absent {
		path.text = "/"
	}
	return managedPolicy{":policy" + path.text + name.text, doc.text}
}

// policy returns the document of a managed policy of the customer's, before
// and after.
func (c *context) policy(arn string) (before, after string, known bool) {
	of := arns.Of(arn)
	if of.Account == "aws" {
		return "", "", false
	}
	d, known := c.documents[":"+of.Resource]
	return d[0], d[1], known
}

// isGone says whether what a name, ARN or address refers to is deleted.
func (c *context) isGone(kind string, ref value) bool {
	return ref.known() && c.gone[kind+" "+ref.text[strings.LastIndexAny(ref.text, ":/")+1:]]
}

package permissions

import (
	"maps"
	"slices"

	"delivery.internal/lib/iam"
)

func role(d *differ) {
	d.document(iam.Trust, "role "+d.name(), read(d.Before, "assumeRolePolicy"), read(d.After, "assumeRolePolicy"))
	boundary(d)
	d.inlinePolicies()
	arns := func(inputs map[string]any) (out []link) {
		for _, arn := range list(inputs, "managedPolicyArns") {
			out = append(out, link{"role", value{text: d.name()}, arn})
		}
		return out
	}
	if d.After != nil { // with the role all goes that is attached to it
		d.links(arns(d.Before), arns(d.After))
	}
}

// inlinePolicies compares a role's own policies name by name.
func (d *differ) inlinePolicies() {
	before, known := objects(d.Before, "inlinePolicies")
	after, known2 := objects(d.After, "inlinePolicies")
	if !known || !known2 {
		d.broadens("the inline policies of role %s are not known before the deployment, so they may allow anything", d.name())
		return
	}
	if d.After == nil {
		d.note(iam.Narrowed)
		return
	}
	documents := map[string][2]value{}
	for i, side := range [][]map[string]any{before, after} {
		for _, p := range side {
			name := read(p, "name").word()
			pair, found := documents[name]
			if !found {
				pair = [2]value{{absent: true}, {absent: true}}
			}
			pair[i] = read(p, "policy")
			documents[name] = pair
		}
	}
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		pair := documents[name]
		d.document(iam.Inline, "role "+d.name(), pair[0], pair[1])
	}
}

// boundary compares the permissions boundary of a role or user.
func boundary(d *differ) {
	before, after := read(d.Before, "permissionsBoundary"), read(d.After, "permissionsBoundary")
	switch {
	case d.Before == nil || d.After == nil || before.same(after):
		if d.After == nil {
			d.note(iam.Narrowed)
		}
	case before.absent && after.known():
		d.note(iam.Narrowed)
	case after.absent:
		d.broadens("%s is no longer limited by the permissions boundary %s", d.name(), before.word())
	default:
		was, _, known := d.context.policy(before.text)
		_, is, known2 := d.context.policy(after.text)
		if !known || !known2 {
			d.broadens("%s is limited by the permissions boundary %s instead of %s, and what they allow can't be compared here", d.name(), after.word(), before.word())
			return
		}
		d.document(iam.Boundary, d.name(), value{text: was}, value{text: is})
	}
}

// managedDocument compares a managed policy, which may be attached to many, be
// it as a policy or as a boundary.
func managedDocument(d *differ) {
	d.document(iam.Identity, "whoever has the policy "+d.name(), read(d.Before, "policy"), read(d.After, "policy"))
}

// link is a policy attached to a role, user or group.
type link struct {
	kind        string
	holder, arn value
}

func (l link) same(m link) bool {
	return l.kind == m.kind && l.holder.same(m.holder) && l.arn.same(m.arn)
}

// attachments compares attachments of a policy to holders, each a name or a list.
func attachments(policy string, holders ...string) func(*differ) {
	of := func(inputs map[string]any) (out []link) {
		for _, h := range holders {
			kind := h
			if kind[len(kind)-1] == 's' {
				kind = kind[:len(kind)-1]
			}
			names := []value{read(inputs, h)}
			if kind != h {
				names = list(inputs, h)
			}
			for _, name := range names {
				if inputs != nil {
					out = append(out, link{kind, name, read(inputs, policy)})
				}
			}
		}
		return out
	}
	return func(d *differ) { d.links(of(d.Before), of(d.After)) }
}

// links compares what is attached. A policy that is detached may deny something,
// so that only a known one without a Deny, or one whose holder goes as well, is
// taken off in silence.
func (d *differ) links(before, after []link) {
	missing := func(l link, from []link) bool { return !slices.ContainsFunc(from, l.same) }
	for _, l := range after {
		if missing(l, before) {
			_, text, known := d.context.policy(l.arn.text)
			d.attaches(l, known && l.arn.known(), value{text: text})
		}
	}
	for _, l := range before {
		if !missing(l, after) {
			continue
		}
		text, _, known := d.context.policy(l.arn.text)
		switch {
		case d.context.isGone(l.kind, l.holder):
			d.note(iam.Narrowed)
		case known && l.arn.known():
			d.document(iam.Identity, l.kind+" "+l.holder.word(), value{text: text}, value{absent: true})
		default:
			d.broadens("policy %s is taken from %s %s, and what it denies, if anything, is not known here", l.arn.word(), l.kind, l.holder.word())
		}
	}
}

func (d *differ) attaches(l link, known bool, text value) {
	if !known {
		d.broadens("%s %s may do all that policy %s allows, which is not known here", l.kind, l.holder.word(), l.arn.word())
		return
	}
	d.document(iam.Identity, l.kind+" "+l.holder.word(), value{absent: true}, text)
}

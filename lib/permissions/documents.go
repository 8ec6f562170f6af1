package permissions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/iam"
)

// attached is a policy document that belongs to something else.
type attached struct {
	kind     iam.Kind
	property string
	// subject is the input that says to what the document is attached; what it
	// is called and whether it is an identity follow from subjectKind.
	subject, subjectKind string
}

// compare is the comparison of a resource that is nothing but the document.
func (a attached) compare(d *differ) {
	was, is := read(d.Before, a.subject), read(d.After, a.subject)
	before, after := read(d.Before, a.property), read(d.After, a.property)
	if d.After == nil && d.context.isGone(a.subjectKind, was) {
		d.note(iam.Narrowed)
		return
	}
	if d.Before != nil && d.After != nil && !was.same(is) {
		d.document(a.kind, was.word(), before, value{absent: true})
		before = value{absent: true}
	}
	holder := is
	if d.After == nil {
		holder = was
	}
	d.document(a.kind, strings.TrimSpace(a.subjectKind+" "+holder.word()), before, after)
}

// document compares a document of a holder.
func (d *differ) document(kind iam.Kind, holder string, before, after value) {
	switch {
	case after.unknown:
		d.broadens("the %s of %s is not known before the deployment, so it may allow anything", kind, holder)
		return
	case before.unknown:
		d.broadens("what the %s of %s allowed before is not known, so anything that it allows now counts as new", kind, holder)
		return
	}
	verdict, more := iam.Compare(kind, before.text, after.text)
	for i := range more {
		more[i].Sentence = named(more[i].Sentence, kind, holder)
	}
	d.note(verdict, more...)
}

// named puts the holder's name into a sentence about a document.
func named(sentence string, kind iam.Kind, holder string) string {
	return strings.NewReplacer("whoever has this "+kind.String(), holder, "this role", holder, "this resource", holder).Replace(sentence)
}

// built is a document for what is not a document: it has one statement that allows.
type built struct {
	principal  value
	actions    []value
	resource   value
	conditions []condition
}

type condition struct {
	operator, key string
	values        []value
}

// text renders the document, "" for nothing. Values that are not known are a
// text that equals no other, before and after.
func (b *built) text(when string) value {
	if b == nil {
		return value{absent: true}
	}
	show := func(v value) string {
		if v.unknown {
			return fmt.Sprintf("(a value not known %s the deployment)", when)
		}
		return v.text
	}
	var actions []string
	for _, a := range b.actions {
		actions = append(actions, show(a))
	}
	who := show(b.principal)
	principal := any(map[string]string{"AWS": who})
	if strings.HasSuffix(who, ".amazonaws.com") {
		principal = map[string]string{"Service": who}
	} else if who == "*" {
		principal = who
	}
	conditions := map[string]map[string][]string{}
	for _, c := range b.conditions {
		if conditions[c.operator] == nil {
			conditions[c.operator] = map[string][]string{}
		}
		for _, v := range c.values {
			conditions[c.operator][c.key] = append(conditions[c.operator][c.key], show(v))
		}
	}
	text, _ := json.Marshal(map[string]any{"Version": "2008-10-17", "Statement": map[string]any{ // strings always marshal
		"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": show(b.resource), "Condition": conditions,
	}})
	return value{text: string(text)}
}

// granting compares resources that a function turns into documents.
func granting(service string, build func(inputs map[string]any) *built) func(*differ) {
	of := func(inputs map[string]any) *built {
		if inputs == nil {
			return nil
		}
		return build(inputs)
	}
	return func(d *differ) {
		d.document(iam.Resource(service), d.name(), of(d.Before).text("before"), of(d.After).text("after"))
	}
}

// given are conditions for the inputs that are set.
func given(inputs map[string]any, operatorKeyInput ...[3]string) []condition {
	var out []condition
	for _, c := range operatorKeyInput {
		if v := read(inputs, c[2]); !v.absent {
			out = append(out, condition{c[0], c[1], []value{v}})
		}
	}
	return out
}

// permission is a statement of a function's policy.
func permission(inputs map[string]any) *built {
	return &built{read(inputs, "principal").or("*"), []value{read(inputs, "action").or("*")}, qualified(inputs, "function", "qualifier"), given(inputs,
		[3]string{"ArnLike", "aws:SourceArn", "sourceArn"}, [3]string{"StringEquals", "aws:SourceAccount", "sourceAccount"},
		[3]string{"StringEquals", "aws:PrincipalOrgID", "principalOrgId"}, [3]string{"StringEquals", "lambda:FunctionUrlAuthType", "functionUrlAuthType"},
		[3]string{"StringEquals", "lambda:EventSourceToken", "eventSourceToken"}, [3]string{"Bool", "lambda:InvokedViaFunctionUrl", "invokedViaFunctionUrl"})}
}

func layerPermission(inputs map[string]any) *built {
	return &built{read(inputs, "principal").or("*"), []value{read(inputs, "action").or("*")}, qualified(inputs, "layerName", "versionNumber"),
		given(inputs, [3]string{"StringEquals", "aws:PrincipalOrgID", "organizationId"})}
}

// qualified is a name with its version.
func qualified(inputs map[string]any, name, version string) value {
	n, v := read(inputs, name), read(inputs, version)
	if v.absent {
		return n
	}
	return value{text: n.text + ":" + v.text, unknown: n.unknown || v.unknown}
}

// grant is a grant on a key. Its constraints are met by an encryption context
// that has their pairs and, for encryptionContextEquals, no others.
// https://docs.aws.amazon.com/kms/latest/developerguide/grant-manage.html
func grant(inputs map[string]any) *built {
	b := &built{principal: read(inputs, "granteePrincipal").or("*"), resource: read(inputs, "keyId")}
	for _, operation := range list(inputs, "operations") {
		if operation.known() {
			operation.text = "kms:" + operation.text
		}
		b.actions = append(b.actions, operation)
	}
	constraints, known := objects(inputs, "constraints")
	if !known {
		b.conditions = []condition{{"StringEquals", "kms:EncryptionContextKeys", []value{{unknown: true}}}}
	}
	for _, c := range constraints {
		for _, property := range []string{"encryptionContextEquals", "encryptionContextSubset"} {
			pairs, _ := c[property].(map[string]any)
			var keys []value
			if v := read(c, property); v.unknown { // equal to none, so wider than any before
				b.conditions = append(b.conditions, condition{"StringEquals", "kms:EncryptionContextKeys", []value{v}})
				continue
			}
			for key, v := range pairs {
				b.conditions = append(b.conditions, condition{"StringEquals", "kms:EncryptionContext:" + key, []value{valueOf(v)}})
				keys = append(keys, value{text: key})
			}
			slices.SortFunc(keys, func(a, b value) int { return strings.Compare(a.text, b.text) })
			if len(keys) > 0 && property == "encryptionContextEquals" {
				b.conditions = append(b.conditions, condition{"ForAllValues:StringEquals", "kms:EncryptionContextKeys", keys})
			}
		}
	}
	return b
}

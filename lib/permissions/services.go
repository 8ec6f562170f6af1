package permissions

import (
	"reflect"

	"delivery.internal/lib/iam"
)

// ownDocument compares the policy that a resource may have as an input of its own.
func ownDocument(service string) func(*differ) {
	return func(d *differ) {
		if d.After == nil && names[d.Type] != [2]string{} {
			d.note(iam.Narrowed)
			return
		}
		d.document(iam.Resource(service), d.name(), read(d.Before, "policy"), read(d.After, "policy"))
	}
}

// defaultKeyPolicy is what KMS gives a key without a policy.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
const defaultKeyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"the account's own policies"},"Action":"kms:*","Resource":"*"}]}`

func key(d *differ) {
	if d.After == nil {
		d.note(iam.Narrowed)
		return
	}
	before := value{absent: true}
	if d.Before != nil {
		before = read(d.Before, "policy").or(defaultKeyPolicy)
	}
	d.document(iam.Resource("kms"), d.name(), before, read(d.After, "policy").or(defaultKeyPolicy))
}

// keyPolicy compares the policy of a key that is a resource of its own. Without
// it the key has the default policy again.
func keyPolicy(d *differ) {
	if d.After == nil {
		d.document(iam.Resource("kms"), d.name(), read(d.Before, "policy"), value{text: defaultKeyPolicy})
		return
	}
	attached{iam.Resource("kms"), "policy", "keyId", "key"}.compare(d)
}

func bucket(d *differ) {
	ownDocument("s3")(d)
	if d.After != nil {
		acl(d)
		d.opaque("grants", "the ACL of %s changes: whom it lets in is not compared")
	}
}

// publicAccess compares a public access block, one switch after the other. New
// buckets block all public access; an account blocks none until it says so.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
func publicAccess(subject, atFirst string) func(*differ) {
	switches := [][2]string{
		{"blockPublicAcls", "ACLs may make %s and its objects public"},
		{"ignorePublicAcls", "ACLs that make %s or its objects public take effect"},
		{"blockPublicPolicy", "policies may make %s public"},
		{"restrictPublicBuckets", "a public policy of %s lets in other accounts and everybody"},
	}
	return func(d *differ) {
		was, is := read(d.Before, subject), read(d.After, subject)
		if d.After == nil && d.context.isGone("bucket", was) {
			d.note(iam.Narrowed)
			return
		}
		moved := d.Before != nil && d.After != nil && !was.same(is)
		for _, s := range switches {
			before, after := read(d.Before, s[0]).or("false"), read(d.After, s[0]).or("false")
			if d.Before == nil || moved {
				before = value{text: atFirst}
			}
			switch {
			case after.is("true") && (d.Before == nil || !before.is("true")):
				d.note(iam.Narrowed)
			case !after.is("true") && !before.is("false"):
				d.broadens(s[1], "bucket or account "+d.name())
			case after.unknown:
				d.broadens(s[1], "bucket or account "+d.name())
			case moved:
				d.broadens(s[1], "bucket or account "+was.word())
			}
		}
	}
}

func acl(d *differ) {
	before, after := read(d.Before, "acl").or("private"), read(d.After, "acl").or("private")
	switch {
	case before.same(after):
	case after.is("private"):
		d.note(iam.Narrowed)
	default:
		d.broadens("the ACL of %s becomes %s", d.name(), after.word())
	}
	d.opaque("accessControlPolicy", "the ACL of %s changes: whom it lets in is not compared")
}

// opaque notes the change of a property that is not compared.
func (d *differ) opaque(property, sentence string) {
	if after := d.After[property]; after != nil && (hasUnknown(after) || !reflect.DeepEqual(d.Before[property], after)) {
		d.broadens(sentence, d.name())
	}
}

func ownership(d *differ) {
	of := func(inputs map[string]any) value {
		if rule, ok := inputs["rule"].(map[string]any); ok {
			return read(rule, "objectOwnership")
		}
		return read(inputs, "rule")
	}
	// New buckets have no ACLs: BucketOwnerEnforced.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
	before, after := of(d.Before).or("BucketOwnerEnforced"), of(d.After)
	switch {
	case before.same(after):
	case after.is("BucketOwnerEnforced") || d.After == nil && d.context.isGone("bucket", read(d.Before, "bucket")):
		d.note(iam.Narrowed)
	default:
		d.broadens("the objects of %s are owned by %s: ACLs take effect", d.name(), after.word())
	}
}

func functionURL(d *differ) {
	before, after := read(d.Before, "authorizationType").or("AWS_IAM"), read(d.After, "authorizationType").or("AWS_IAM")
	function, moved := read(d.After, "functionName"), d.Before != nil && !read(d.Before, "functionName").same(read(d.After, "functionName"))
	switch {
	case after.is("AWS_IAM"):
		if !before.same(after) {
			d.note(iam.Narrowed)
		}
	case !before.same(after) || moved:
		d.broadens("the URL of function %s answers without credentials, as far as the function's policy lets everybody call it: authorizationType is %s", function.word(), after.word())
	}
}

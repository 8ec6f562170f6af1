// Package kmskey reads how a call or a setting names a KMS key.
package kmskey

import (
	"strings"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/fact"
)

// Facts are the rules of this package.
var Facts = []fact.Fact{
	{
		Rule:     "A key is named by its id, its ARN, an alias with the prefix alias/, or the ARN of an alias; a key of another account only by an ARN.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html",
		Enforced: "Parse, rehearsal/cloud.Key, rehearsal/cloud.KeyARN",
	},
	{
		Rule:     "Aliases that begin with alias/aws/ are those of keys that AWS manages: nobody can make one.",
		Page:     "https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html",
		Enforced: "Reference.Managed, rehearsal/provider.aliasKind",
	},
	{
		Rule:     "A key that is disabled can't encrypt or decrypt.",
		Page:     "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html",
		Enforced: "rehearsal/cloud.Key",
	},
}

const (
	aliasPrefix   = "alias/"
	managedPrefix = "alias/aws/"
)

// Reference is a key as somebody names it.
type Reference struct {
	// Region and Account are empty where the caller's are meant.
	Region, Account string
	// ID is the id of a key, Alias an alias with its prefix; one is empty.
	ID, Alias string
}

// Parse reads a key's id, ARN, alias or alias ARN.
func Parse(ref string) (Reference, error) {
	var r Reference
	name := ref
	if strings.HasPrefix(ref, "arn:") {
		a := arns.Of(ref)
		r.Region, r.Account, name = a.Region, a.Account, a.Resource
		id, isKey := strings.CutPrefix(name, "key/")
		if a.Partition != "aws" || a.Service != "kms" || a.Region == "" || a.Account == "" || !isKey && !strings.HasPrefix(name, aliasPrefix) {
			return Reference{}, apierr.BadRequest("NotFoundException", "Invalid arn %s", ref)
		}
		name = id
	}
	switch {
	case len(name) > len(aliasPrefix) && strings.HasPrefix(name, aliasPrefix):
		r.Alias = name
	case name == "" || strings.ContainsAny(name, "/:"):
		return Reference{}, apierr.BadRequest("NotFoundException", "Invalid keyId %q: expected the id or ARN of a key, or an alias with alias/ before it", ref)
	default:
		r.ID = name
	}
	return r, nil
}

// Managed says whether the key is one that AWS makes and manages.
func (r Reference) Managed() bool { return strings.HasPrefix(r.Alias, managedPrefix) }

// ARN is the ARN of the key or alias, in the caller's region and account where
// the reference names none.
func (r Reference) ARN(region, account string) string {
	if r.Region != "" {
		region, account = r.Region, r.Account
	}
	if r.Alias != "" {
		return arns.Regional("kms", region, account, r.Alias)
	}
	return arns.Regional("kms", region, account, "key/"+r.ID)
}

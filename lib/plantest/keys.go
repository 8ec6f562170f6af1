package plantest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// UnequalKeyGrants compares what the policies of a program's roles and those of
// keys, by their ARN, say of each other, and returns where they differ: a key
// that a role can't use, because only one of the two allows it. Of the roles
// that a key names those of the environment have to be the program's. Asked is
// how many grants of roles there were.
func UnequalKeyGrants(rs []Resource, keys map[string]iampolicy.Document, scope naming.Scope, env naming.Environment) (asked int, found []string, err error) {
	own := map[string]bool{} // "role key action"
	for _, r := range OfType(rs, "aws:iam/rolePolicy:RolePolicy") {
		doc, err := iampolicy.Parse(r.Text("policy"))
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", r, err)
		}
		for _, s := range doc.Statement {
			for _, key := range s.Resource {
				if _, ours := keys[key]; ours && s.Effect == iampolicy.EffectAllow {
					addAll(own, scope.Role(r.Text("role")), key, s.Action)
				}
			}
		}
	}
	named, anybody := map[string]bool{}, map[string]bool{}
	for key, doc := range keys {
		for _, s := range doc.Statement {
			if s.Effect != iampolicy.EffectAllow || s.Principal == nil || !slices.Contains(s.Principal.AWS, scope.Root()) {
				continue
			}
			roles, byName := s.Condition["StringEquals"]["aws:PrincipalArn"]
			if !byName {
				addAll(anybody, "", key, s.Action)
			}
			for _, role := range roles {
				addAll(named, role, key, s.Action)
			}
		}
	}
	for _, grant := range slices.Sorted(maps.Keys(own)) {
		_, rest, _ := strings.Cut(grant, " ")
		if !named[grant] && !anybody[" "+rest] {
			found = append(found, "the role's own policy allows what the key's does not: "+grant)
		}
	}
	for _, grant := range slices.Sorted(maps.Keys(named)) {
		role, rest, _ := strings.Cut(grant, " ")
		if strings.HasSuffix(role, "-"+string(env)+"-"+Suffix) && !own[grant] {
			found = append(found, "the key's policy allows what the role's own does not: "+grant)
		}
		if anybody[" "+rest] {
			found = append(found, "the key's policy names a role for what its account's policies decide anyway: "+grant)
		}
	}
	return len(own), found, nil
}

func addAll(to map[string]bool, role, key string, actions []string) {
	for _, a := range actions {
		if strings.HasPrefix(a, "kms:") {
			to[role+" "+key+" "+a] = true
		}
	}
}

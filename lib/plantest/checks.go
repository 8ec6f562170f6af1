package plantest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam/reference"
	"delivery.internal/lib/iampolicy"
)

// Check holds a program's resources to every rule of the platform. The tags
// are what every taggable resource must carry; nil checks no tags.
func Check(t testing.TB, rs []Resource, suffix string, tags map[string]string) {
	t.Helper()
	CheckKnown(t, rs)
	CheckNames(t, rs, suffix)
	if tags != nil {
		CheckTags(t, rs, tags)
	}
	CheckEncryption(t, rs)
	CheckRemovable(t, rs)
	CheckPolicies(t, rs)
	CheckWatched(t, rs)
}

// custom calls f with every resource that is not a component.
func custom(rs []Resource, f func(Resource, kind)) {
	for _, r := range rs {
		if r.Custom {
			f(r, kinds[r.Type])
		}
	}
}

// report fails the test with all findings at once.
func report(t testing.TB, rule string, found []string) {
	t.Helper()
	slices.Sort(found)
	require.Empty(t, found, "%s:\n%s", rule, strings.Join(found, "\n"))
}

// CheckKnown fails for a type that the table doesn't hold, and for one that
// SDK v6 keeps only for backwards compatibility.
func CheckKnown(t testing.TB, rs []Resource) {
	t.Helper()
	var found []string
	custom(rs, func(r Resource, _ kind) {
		if _, ok := kinds[r.Type]; !ok {
			found = append(found, r.String()+": add the type to plantest/kinds.go, with its rules")
		}
	})
	report(t, "every resource type is known", found)
}

// CheckNames fails where a physical name does not end with the suffix, or is
// used twice, or where a fixed name would collide with itself in a replacement.
func CheckNames(t testing.TB, rs []Resource, suffix string) {
	t.Helper()
	var found []string
	seen := map[string]string{}
	custom(rs, func(r Resource, k kind) {
		if k.Name == "" {
			return
		}
		name := r.Text(k.Name)
		if !strings.HasSuffix(name, "-"+suffix) {
			found = append(found, fmt.Sprintf("%s: %s is %q, it must end with -%s", r, k.Name, name, suffix))
		}
		if other, ok := seen[r.Type+name]; ok {
			found = append(found, fmt.Sprintf("%s: %q is also the name of %s", r, name, other))
		}
		seen[r.Type+name] = r.String()
		if !r.DeleteBeforeReplace {
			found = append(found, fmt.Sprintf("%s: a fixed name needs DeleteBeforeReplace, AWS refuses a twin", r))
		}
	})
	report(t, "names are resource-type-environment-suffix", found)
}

// CheckTags fails where a taggable resource lacks one of the tags.
func CheckTags(t testing.TB, rs []Resource, tags map[string]string) {
	t.Helper()
	var found []string
	custom(rs, func(r Resource, k kind) {
		if !k.Tags {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			if got := dig(r.Inputs, "tags", key); got != tags[key] {
				found = append(found, fmt.Sprintf("%s: tag %s is %v, expected %q", r, key, got, tags[key]))
			}
		}
	})
	report(t, "every taggable resource is tagged", found)
}

// CheckEncryption fails where something that can hold data is not encrypted
// with a key of the platform.
func CheckEncryption(t testing.TB, rs []Resource) {
	t.Helper()
	var found []string
	custom(rs, func(r Resource, k kind) {
		if k.Encrypted == nil {
			return
		}
		if missing := k.Encrypted(r, rs); missing != "" {
			found = append(found, r.String()+": "+missing)
		}
	})
	report(t, "data is encrypted at rest", found)
}

// CheckRemovable fails where a destroy would leave something behind.
func CheckRemovable(t testing.TB, rs []Resource) {
	t.Helper()
	var found []string
	custom(rs, func(r Resource, k kind) {
		if r.Protect || r.Retain {
			found = append(found, r.String()+": is protected or retained")
		}
		if k.Removable == nil {
			return
		}
		if missing := k.Removable(r); missing != "" {
			found = append(found, r.String()+": "+missing)
		}
	})
	report(t, "everything can be destroyed", found)
}

// Policy is a policy document found in a resource's inputs.
type Policy struct {
	Resource Resource
	Key      string
	Document iampolicy.Document
}

// Policies reads every policy document of a program's resources.
func Policies(t testing.TB, rs []Resource) []Policy {
	t.Helper()
	var out []Policy
	custom(rs, func(r Resource, _ kind) {
		for _, key := range []string{"policy", "assumeRolePolicy"} {
			text := r.Text(key)
			if text == "" || r.Type == typetoken.RepositoryLifecycle {
				continue
			}
			d, err := iampolicy.Parse(text)
			require.NoError(t, err, "%s %s", r, key)
			out = append(out, Policy{r, key, d})
		}
	})
	return out
}

// CheckPolicies fails for a policy with a wildcard that is not one of the
// documented exceptions, an unknown action, or an empty or malformed resource.
func CheckPolicies(t testing.TB, rs []Resource) {
	t.Helper()
	var found []string
	for _, p := range Policies(t, rs) {
		for i, s := range p.Document.Statement {
			if why := excused(p, s); why != "" {
				p.Document.Statement[i] = s.AnyResource(why)
			} else if len(s.Resource) == 0 && resourceless(p) {
				p.Document.Statement[i] = s.NoResource()
			}
			for _, arn := range s.Resource {
				if arn != "*" && !strings.HasPrefix(arn, "arn:aws:") {
					found = append(found, fmt.Sprintf("%s %s: resource %q is not an ARN", p.Resource, p.Key, arn))
				}
			}
		}
		if err := p.Document.Check(); err != nil {
			found = append(found, fmt.Sprintf("%s %s: %v", p.Resource, p.Key, err))
		}
	}
	report(t, "policies are least-privilege, without wildcards", found)
}

// excused says why a statement may speak of "*", "" when it may not.
func excused(p Policy, s iampolicy.Statement) string {
	if !slices.Equal(s.Resource, iampolicy.Strings{"*"}) {
		return ""
	}
	if strings.HasPrefix(p.Resource.Type, "aws:kms/key") {
		return "in a key policy * is this key"
	}
	if s.Principal != nil {
		return ""
	}
	for _, a := range s.Action {
		if !reference.Resourceless(a) {
			return ""
		}
	}
	return "AWS defines no narrower resource"
}

// resourceless says whether the policy is of a kind without Resource elements.
func resourceless(p Policy) bool {
	return p.Key == "assumeRolePolicy" || p.Resource.Type == typetoken.RepositoryPolicy
}

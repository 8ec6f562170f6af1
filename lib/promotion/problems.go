package promotion

import (
	"fmt"
	"slices"
	"strings"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/naming"
)

// Problem is a value that can't be used.
type Problem struct {
	// Key is the value's, below the list, as in "[1].follows"; "" is the list.
	Key string
	// Value is what was given, "" for nothing.
	Value string
	// Expected is what would do, and Example such a value.
	Expected, Example string
}

// Problems lists everything that is wrong with the environments. Two of them
// may share an account only where that is said: what a target role may touch
// is named after its environment, but an administrator's mistake reaches both.
func (all Environments) Problems(allowSharedAccounts bool) []Problem {
	if len(all) == 0 {
		return []Problem{{"", "", "at least one environment", `'[{"name":"dev","account":"123456789012"}]'`}}
	}
	var problems []Problem
	for i, e := range all {
		bad := func(key, value, expected, example string) {
			problems = append(problems, Problem{fmt.Sprintf("[%d].%s", i, key), value, expected, example})
		}
		before := all[:i]
		if err := naming.ValidEnvironment(string(e.Name)); err != nil {
			bad("name", string(e.Name), naming.EnvironmentRule, "qa")
		} else if j := before.alike(e.Name); j >= 0 {
			bad("name", string(e.Name), fmt.Sprintf("a name that differs from %s by more than hyphens", all[j].Name), "qa")
		}
		if !awsname.Account.Allows(string(e.Account)) {
			bad("account", string(e.Account), "a twelve-digit AWS account id", "123456789012")
		} else if j := before.sharing(e.Account); j >= 0 && !allowSharedAccounts {
			bad("account", string(e.Account), fmt.Sprintf("another account than that of %s, unless accounts may be shared, with bootstrap:allowSharedAccounts or ALLOW_SHARED_ACCOUNTS=yes", all[j].Name), "123456789012")
		}
		if e.Mode != "" && e.Mode != Queued && e.Mode != Superseded {
			bad("mode", string(e.Mode), fmt.Sprintf("%s or %s, or nothing", Queued, Superseded), string(Queued))
		}
		for _, from := range e.before() {
			if from.name != "" && all.index(from.name) < 0 {
				bad(from.key, string(from.name), "one of "+naming.List(all.Names())+", or nothing", string(all[0].Name))
			}
		}
	}
	if len(problems) > 0 {
		return problems // a circle can't be told from names that are wrong
	}
	return all.circle()
}

// alike finds an environment whose name is the same but for hyphens: statement
// ids have none, and people would take one for the other.
func (all Environments) alike(name naming.Environment) int {
	plain := func(n naming.Environment) string { return strings.ReplaceAll(string(n), "-", "") }
	return slices.IndexFunc(all, func(e Environment) bool { return plain(e.Name) == plain(name) })
}

func (all Environments) sharing(account Account) int {
	return slices.IndexFunc(all, func(e Environment) bool { return e.Account == account })
}

// circle finds the environments that come after themselves. Without any, one at
// least follows no other, so that a push starts it.
func (all Environments) circle() []Problem {
	var problems []Problem
	for i, e := range all {
		for _, from := range e.before() {
			if from.name == "" || from.name != e.Name && !all.comesAfter(from.name, e.Name, nil) {
				continue
			}
			problems = append(problems, Problem{fmt.Sprintf("[%d].%s", i, from.key), string(from.name),
				fmt.Sprintf("an environment that does not itself come after %s, or nothing", e.Name), "''"})
		}
	}
	return problems
}

// comesAfter says whether an environment follows another one or takes its
// image from it, directly or not.
func (all Environments) comesAfter(name, other naming.Environment, seen []naming.Environment) bool {
	e, ok := all.Find(name)
	if !ok || slices.Contains(seen, name) {
		return false
	}
	return slices.ContainsFunc(e.before(), func(from origin) bool {
		return from.name == other || all.comesAfter(from.name, other, append(seen, name))
	})
}

// origin is what an environment comes after, and the key that says so.
type origin struct {
	key  string
	name naming.Environment
}

func (e Environment) before() []origin {
	return []origin{{"follows", e.Follows}, {"imageFrom", e.ImageFrom}}
}

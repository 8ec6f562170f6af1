package platform

import (
	"fmt"
	"strings"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// variable is what make configure calls the value of a setting.
func variable(key string) string {
	name, _, _ := strings.Cut(key, "[")
	switch name {
	case "environmentSuffix":
		return "SUFFIX"
	case "repositoryOwner", "repositoryName":
		return "REPOSITORY"
	case "branch":
		return "BRANCH"
	case "owners":
		return "OWNERS"
	case "operators":
		return "OPERATORS"
	}
	for _, env := range naming.Environments() {
		if name == string(env)+"Account" {
			return accountVariable(env)
		}
	}
	return key
}

func accountVariable(env naming.Environment) string {
	return strings.ToUpper(string(env)) + "_ACCOUNT"
}

// ValueError says what is wrong with a value, in words that work as typed.
type ValueError struct {
	// Variable is what make configure calls the value.
	Variable string
	// Value is what was given, "" for nothing.
	Value string

	expected, remedy string
}

// Error implements error.
func (e *ValueError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s is not given: expected %s; %s", e.Variable, e.expected, e.remedy)
	}
	return fmt.Sprintf("%s=%s can't be used: expected %s; %s", e.Variable, e.Value, e.expected, e.remedy)
}

func unusable(variable, value, expected, remedy string) *ValueError {
	return &ValueError{variable, value, expected, remedy}
}

// problems are what bootstrap and the other projects would refuse, so that a
// mistake shows now. The suffix of a new installation must be its own.
func (v Values) problems(isNew bool) []*ValueError {
	problems := v.suffixProblems(isNew)
	owner, name, ok := strings.Cut(v.Repository, "/")
	if !ok {
		problems = append(problems, unusable("REPOSITORY", v.Repository, "owner/name", "set it with REPOSITORY=acme/infrastructure"))
		owner, name = "unknown", "unknown" // one error is enough
	}
	operators := v.Operators
	if len(operators) == 0 {
		operators = []string{"arn:aws:iam::000000000000:role/caller"} // bootstrap fills it in
	}
	s := settings.Settings{
		EnvironmentSuffix: "suffix", // checked above
		Region:            settings.Region,
		Accounts:          v.Accounts,
		Repository:        settings.Repository{Owner: owner, Name: name, Branch: v.Branch},
		Owners:            v.Owners,
		Operators:         operators,
	}
	for _, p := range s.Problems() {
		name, example := variable(p.Key), p.Example
		if strings.HasSuffix(name, "_ACCOUNT") {
			example = "…" // every account of an example is somebody's
		} else if name == "REPOSITORY" {
			example = "acme/infrastructure"
		}
		problems = append(problems, unusable(name, p.Value, p.Expected, "set it with "+name+"="+example))
	}
	if !settings.ConnectionARN.MatchString(v.Connection) {
		problems = append(problems, unusable("CONNECTION_ARN", v.Connection, "the ARN of a connection in "+settings.Region+", or nothing", "set it with CONNECTION_ARN=arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000"))
	}
	return append(problems, v.accessProblems()...)
}

func (v Values) suffixProblems(isNew bool) []*ValueError {
	remedy := "choose one with SUFFIX=…"
	if v.Offer != "" {
		remedy = "this one was made at random just now: SUFFIX=" + v.Offer
	}
	const expected = "2 to 12 lower-case letters and digits, beginning with a letter"
	switch {
	case naming.ValidSuffix(v.Suffix) != nil:
		return []*ValueError{unusable("SUFFIX", v.Suffix, expected, remedy)}
	case isNew && !v.Rehearsal && naming.FreeSuffix(v.Suffix) != nil:
		return []*ValueError{unusable("SUFFIX", v.Suffix, "a suffix that is not of the documents, whose bucket names whoever followed them first owns", remedy)}
	}
	return nil
}

// accessProblems are target accounts that nobody could make roles in.
func (v Values) accessProblems() []*ValueError {
	if !settings.RoleName.MatchString(v.AdminRole) {
		return []*ValueError{unusable("ADMIN_ROLE", v.AdminRole, "the name of a role of the target accounts, not its ARN", "set it with ADMIN_ROLE=PlatformAdministrator")}
	}
	var closed []string
	for _, env := range naming.Environments() {
		role, profile := v.access(env)
		if role == "" && profile == "" && v.Accounts.Of(env) != "" && v.Accounts.Of(env) != v.Delivery {
			closed = append(closed, string(env))
		}
	}
	if len(closed) == 0 {
		return nil
	}
	remedy := "set it with ADMIN_ROLE=PlatformAdministrator, or a profile of an administrator there with " + strings.ToUpper(closed[0]) + "_PROFILE=…"
	if v.Delivery == "" {
		remedy += "; only the delivery account itself needs neither, once you are logged in to it"
	}
	return []*ValueError{unusable("ADMIN_ROLE", "", fmt.Sprintf("the name of a role in the accounts of %s that trusts the delivery account", strings.Join(closed, ", ")), remedy)}
}

// notes say what is allowed and yet unusual.
func (v Values) notes() []string {
	var notes []string
	all := naming.Environments()
	for i, env := range all {
		for _, other := range all[:i] {
			if v.Accounts.Of(env) == v.Accounts.Of(other) {
				notes = append(notes, fmt.Sprintf("%s and %s are the same account %s", other, env, v.Accounts.Of(env)))
			}
		}
	}
	for _, env := range all {
		if v.Rehearsal || v.Accounts.Of(env) != settings.RehearsalAccounts().Of(env) {
			continue
		}
		notes = append(notes, fmt.Sprintf("account %s of %s is that of the rehearsal: set %s=… if it is not yours", v.Accounts.Of(env), env, accountVariable(env)))
	}
	return notes
}

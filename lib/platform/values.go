package platform

import (
	"fmt"
	"strings"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// variableName is what make configure calls the value of a setting.
func (v Values) variableName(key string) string {
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
	for i, env := range v.Environments.Names() {
		if key == fmt.Sprintf("%s[%d].account", settings.EnvironmentsKey, i) {
			return AccountVariable(env)
		}
	}
	return "bootstrap:" + key
}

// AccountVariable is what make configure calls the account of an environment,
// and ProfileVariable the AWS profile of an administrator there.
func AccountVariable(env naming.Environment) string { return upper(env) + "_ACCOUNT" }

// ProfileVariable see AccountVariable.
func ProfileVariable(env naming.Environment) string { return upper(env) + "_PROFILE" }

func upper(env naming.Environment) string {
	return strings.ToUpper(strings.ReplaceAll(string(env), "-", "_"))
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
		Environments:      v.Environments,

		AllowSharedAccounts: v.SharedAccounts,
		Repository:          settings.Repository{Owner: owner, Name: name, Branch: v.Branch},
		Owners:              v.Owners,
		Operators:           operators,
	}
	for _, p := range s.Problems() {
		name := v.variableName(p.Key)
		problems = append(problems, unusable(name, p.Value, p.Expected, v.remedy(name, p)))
	}
	if !settings.ConnectionARN.MatchString(v.Connection) {
		problems = append(problems, unusable("CONNECTION_ARN", v.Connection, "the ARN of a connection in "+settings.Region+", or nothing", "set it with CONNECTION_ARN=arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000"))
	}
	return append(problems, v.accessProblems()...)
}

// remedy says how to set a value.
func (v Values) remedy(name string, p settings.Problem) string {
	switch {
	case strings.HasPrefix(name, environmentsKey):
		return "correct it in " + bootstrapDir + "/Pulumi." + v.Suffix + ".yaml"
	case strings.HasSuffix(name, "_ACCOUNT"):
		return "set it with " + name + "=…" // every account of an example is somebody's
	case name == "REPOSITORY":
		return "set it with REPOSITORY=acme/infrastructure"
	}
	return "set it with " + name + "=" + p.Example
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
	var closed []naming.Environment
	for _, env := range v.Environments.Names() {
		role, profile := v.targetAccess(env)
		if role == "" && profile == "" && v.Environments.Account(env) != "" && v.Environments.Account(env) != v.Delivery {
			closed = append(closed, env)
		}
	}
	if len(closed) == 0 {
		return nil
	}
	remedy := "set it with ADMIN_ROLE=PlatformAdministrator, or a profile of an administrator there with " + ProfileVariable(closed[0]) + "=…"
	if v.Delivery == "" {
		remedy += "; only the delivery account itself needs neither, once you are logged in to it"
	}
	return []*ValueError{unusable("ADMIN_ROLE", "", fmt.Sprintf("the name of a role in the accounts of %s that trusts the delivery account", naming.List(closed)), remedy)}
}

// notes say what is allowed and yet unusual.
func (v Values) notes() []string {
	var notes []string
	for i, e := range v.Environments {
		for _, other := range v.Environments[:i] {
			if e.Account == other.Account {
				notes = append(notes, fmt.Sprintf("%s and %s are the same account %s", other.Name, e.Name, e.Account))
			}
		}
	}
	for _, e := range v.Environments {
		if v.Rehearsal || string(e.Account) != settings.RehearsalAccounts()[e.Name] {
			continue
		}
		notes = append(notes, fmt.Sprintf("account %s of %s is that of the rehearsal: set %s=… if it is not yours", e.Account, e.Name, AccountVariable(e.Name)))
	}
	return notes
}

package platform

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"delivery/lib/naming"
	"delivery/lib/settings"
)

// Values are what a user decides about an installation.
type Values struct {
	// Suffix ends every name.
	Suffix string
	// Repository is the infrastructure repository, "owner/name".
	Repository string
	// Branch is the branch that is delivered; main where empty.
	Branch string
	// Owners are e-mail addresses.
	Owners []string
	// Operators are the ARNs of who runs the platform's stacks; the caller of
	// bootstrap where empty.
	Operators []string
	// Accounts are the target accounts; the defaults where empty.
	Accounts settings.Accounts
	// Connection is the ARN of an existing source connection; one is made
	// where empty.
	Connection string
	// AdminRole is assumed in the target accounts; the default of targets
	// where empty.
	AdminRole string
	// Profiles are AWS profiles of administrators of the target accounts, by
	// environment, instead of AdminRole.
	Profiles map[naming.Environment]string
}

// Configure checks the values and writes them to the stack files of all
// projects. What else is in those files stays. It returns the files.
func Configure(root string, v Values) ([]string, error) {
	if err := v.validate(); err != nil {
		return nil, err
	}
	p, err := New(Config{Root: root, Suffix: v.Suffix})
	if err != nil {
		return nil, err
	}
	var files []string
	for _, project := range p.Projects() {
		path := p.stackPath(project)
		f, err := openStackFile(path)
		if err != nil {
			return files, err
		}
		for _, kv := range v.of(project) {
			if err := f.set(kv.key, kv.value); err != nil {
				return files, err
			}
		}
		if err := f.save(); err != nil {
			return files, err
		}
		rel, _ := filepath.Rel(p.Root, path)
		files = append(files, rel)
	}
	return files, nil
}

// validate checks what bootstrap will check, so that a mistake shows now.
func (v Values) validate() error {
	owner, name, ok := strings.Cut(v.Repository, "/")
	if !ok {
		return errors.Join(naming.ValidSuffix(v.Suffix), fmt.Errorf("repository %q is not usable: expected owner/name, for instance REPOSITORY=acme/infrastructure", v.Repository))
	}
	if !settings.ConnectionARN.MatchString(v.Connection) {
		return fmt.Errorf("connection %q is not usable: expected the ARN of a connection in us-east-1, CONNECTION_ARN=arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000, or nothing", v.Connection)
	}
	if !settings.RoleName.MatchString(v.AdminRole) {
		return fmt.Errorf("admin role %q is not usable: expected the name of a role of the target accounts, not its ARN, for instance ADMIN_ROLE=OrganizationAccountAccessRole", v.AdminRole)
	}
	operators := v.Operators
	if len(operators) == 0 {
		operators = []string{"arn:aws:iam::000000000000:role/caller"} // bootstrap fills it in
	}
	return settings.Settings{
		EnvironmentSuffix: v.Suffix,
		Region:            settings.Region,
		Accounts:          v.accounts(),
		Repository:        settings.Repository{Owner: owner, Name: name, Branch: or(v.Branch, "main")},
		Owners:            v.Owners,
		Operators:         operators,
	}.Validate()
}

func (v Values) accounts() settings.Accounts {
	d := settings.DefaultAccounts()
	return settings.Accounts{Dev: or(v.Accounts.Dev, d.Dev), Staging: or(v.Accounts.Staging, d.Staging), Prod: or(v.Accounts.Prod, d.Prod)}
}

type keyValue struct {
	key   string
	value any
}

// of are the config keys of a project.
func (v Values) of(project Project) []keyValue {
	owner, name, _ := strings.Cut(v.Repository, "/")
	var out []keyValue
	add := func(key string, value any) { out = append(out, keyValue{key, value}) }
	optional := func(key, value string) {
		if value != "" {
			add(key, value)
		}
	}
	switch project.Dir {
	case bootstrapDir:
		accounts := v.accounts()
		add("bootstrap:environmentSuffix", v.Suffix)
		add("bootstrap:devAccount", accounts.Dev)
		add("bootstrap:stagingAccount", accounts.Staging)
		add("bootstrap:prodAccount", accounts.Prod)
		add("bootstrap:repositoryOwner", owner)
		add("bootstrap:repositoryName", name)
		add("bootstrap:branch", or(v.Branch, "main"))
		add("bootstrap:owners", v.Owners)
		if len(v.Operators) > 0 {
			add("bootstrap:operators", v.Operators)
		}
	case "targets":
		add("targets:environmentSuffix", v.Suffix)
		optional("targets:adminRole", v.AdminRole)
		optional("targets:profile", v.Profiles[naming.Environment(project.Stack)])
	case "shared":
		add("github:owner", owner)
		optional("shared:connectionArn", v.Connection)
	}
	return out
}

package platform

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
)

// Values are what a user decides about an installation. What is empty stays as
// the stack files have it.
type Values struct {
	// Suffix ends every name.
	Suffix string
	// Offer is a suffix to propose where Suffix can't be used.
	Offer string
	// Repository is the infrastructure repository, "owner/name" or its address
	// on GitHub.
	Repository string
	// Branch is the branch that is delivered; main where nothing says another.
	Branch string
	// Owners are e-mail addresses.
	Owners []string
	// Operators are the ARNs of who runs the platform's stacks; the caller of
	// bootstrap where nothing says others.
	Operators []string
	// Environments are what is deployed to.
	Environments promotion.Environments
	// Accounts are the target accounts, instead of those of Environments.
	Accounts map[naming.Environment]string
	// SharedAccounts lets environments have the same account.
	SharedAccounts bool
	// Connection is the ARN of an existing source connection; one is made
	// where there is none.
	Connection string
	// AdminRole is assumed in the target accounts.
	AdminRole string
	// Profiles are AWS profiles of administrators of the target accounts, by
	// environment, instead of AdminRole.
	Profiles map[naming.Environment]string
	// Delivery is the delivery account, which needs no role and no profile to
	// be its own target; empty where nobody is logged in.
	Delivery string
	// Rehearsal says that the cloud is local, where names are free.
	Rehearsal bool

	adminRoles map[naming.Environment]string // of the stack files, where AdminRole is empty
}

// Change is one value that configure changes.
type Change struct {
	// File is the stack file, from the root.
	File string
	// Key is the config key.
	Key string
	// Old and New are the values, "" for none.
	Old, New string
}

// String is the change as users read it.
func (c Change) String() string {
	shown := func(s string) string {
		if s == "" {
			return "(not set)"
		}
		return s
	}
	return fmt.Sprintf("%s: %s: %s -> %s", c.File, c.Key, shown(c.Old), shown(c.New))
}

// Configuration is what configure is about to write: all of it or nothing.
type Configuration struct {
	// Changes are the values that change.
	Changes []Change
	// Notes say what is allowed and yet unusual.
	Notes []string
	// Environments are those of the installation.
	Environments promotion.Environments

	root  string
	files []*stackFile
}

// Configured returns the values that the stack files of an installation have.
func Configured(root, suffix string) (Values, error) {
	files, err := openStackFiles(root, suffix, nil)
	if err != nil {
		return Values{}, err
	}
	return files.existingValues(suffix)
}

// Suffixes returns the suffixes of the installations that are configured.
func Suffixes(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, bootstrapDir, "Pulumi.*.yaml"))
	if err != nil {
		return nil, err
	}
	var suffixes []string
	for _, f := range files {
		suffixes = append(suffixes, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "Pulumi."), ".yaml"))
	}
	return suffixes, nil
}

// Problems completes the values with what the stack files of all projects
// have, and returns everything that is wrong with them.
func Problems(root string, v Values) ([]*ValueError, error) {
	problems, _, _, err := completeValues(root, v)
	return problems, err
}

// completeValues returns what is wrong with the values, the completed values, and
// the stack files of their installation.
func completeValues(root string, v Values) ([]*ValueError, Values, projectFiles, error) {
	if naming.ValidSuffix(v.Suffix) != nil {
		v = v.overlaidOn(Values{}) // there are no files to look at
		return v.problems(true), v, nil, nil
	}
	files, err := openStackFiles(root, v.Suffix, v.Environments)
	if err != nil {
		return nil, v, nil, err
	}
	existing, err := files.existingValues(v.Suffix)
	if err != nil {
		return nil, v, nil, err
	}
	v = v.overlaidOn(existing)
	return v.problems(files[0].isNew), v, files, nil
}

// Plan completes the values with what the stack files of all projects have,
// checks them, and says everything that is wrong with them at once.
func Plan(root string, v Values) (*Configuration, error) {
	problems, v, files, err := completeValues(root, v)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, p)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c := &Configuration{root: root, files: files.stackFiles(), Notes: v.notes(), Environments: v.Environments}
	for _, f := range files {
		for _, kv := range v.keysOf(f.project) {
			if err := c.setValue(f.stackFile, kv); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// setValue changes a value of a file, where it differs.
func (c *Configuration) setValue(f *stackFile, kv keyValue) error {
	if kv.key == environmentsKey {
		return c.setEnvironments(f, kv.environments)
	}
	before, after := f.textOf(kv.key), strings.Join(kv.value, ", ")
	if kv.list {
		before = strings.Join(f.list(kv.key), ", ")
	}
	if before == after {
		return nil
	}
	if err := c.noteChange(f, kv.key, before, after); err != nil {
		return err
	}
	switch {
	case after == "":
		return f.unsetValue(kv.key)
	case kv.list:
		return f.set(kv.key, kv.value)
	}
	return f.set(kv.key, kv.value[0])
}

// noteChange remembers a change, to be shown.
func (c *Configuration) noteChange(f *stackFile, key, before, after string) error {
	root, err := filepath.Abs(c.root)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, f.path)
	if err != nil {
		return err
	}
	c.Changes = append(c.Changes, Change{File: rel, Key: key, Old: before, New: after})
	return nil
}

// Write writes the stack files, with a file for every project. What else is in
// them stays.
func (c *Configuration) Write() error { return saveAll(c.files...) }

// Configure is Plan and Write.
func Configure(root string, v Values) error {
	c, err := Plan(root, v)
	if err != nil {
		return err
	}
	return c.Write()
}

// projectFile is the stack file of a project.
type projectFile struct {
	*stackFile
	project Project
}

type projectFiles []projectFile

// openStackFiles opens the stack files of all projects, bootstrap's first.
func openStackFiles(root, suffix string, environments promotion.Environments) (projectFiles, error) {
	p, err := New(Config{Root: root, Suffix: suffix, Environments: environments, Environment: OwnEnvironment()})
	if err != nil {
		return nil, err
	}
	var out projectFiles
	for _, project := range p.Projects() {
		path := p.stackPath(project)
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("project %s is not under %s (%w): run make in the folder of the repository", project.Name, root, err)
		}
		f, err := openStackFile(path)
		if err != nil {
			return nil, err
		}
		out = append(out, projectFile{f, project})
	}
	return out, nil
}

func (files projectFiles) stackFiles() []*stackFile {
	var out []*stackFile
	for _, f := range files {
		out = append(out, f.stackFile)
	}
	return out
}

// existingValues reads what keysOf writes.
func (files projectFiles) existingValues(suffix string) (_ Values, err error) {
	v := Values{Suffix: suffix, Profiles: map[naming.Environment]string{}, adminRoles: map[naming.Environment]string{}}
	for _, f := range files {
		switch f.project.Dir {
		case bootstrapDir:
			if v.Environments, err = environmentsIn(filepath.Dir(f.path), suffix); err != nil {
				return v, err
			}
			v.SharedAccounts = f.textOf("bootstrap:allowSharedAccounts") == "true"
			if owner := f.textOf("bootstrap:repositoryOwner"); owner != "" {
				v.Repository = owner + "/" + f.textOf("bootstrap:repositoryName")
			}
			v.Branch = f.textOf("bootstrap:branch")
			v.Owners, v.Operators = f.list("bootstrap:owners"), f.list("bootstrap:operators")
		case targetsDir:
			env := naming.Environment(f.project.Stack)
			if f.isNew {
				continue // its account is reached as the others are
			}
			v.adminRoles[env], v.Profiles[env] = f.textOf("targets:adminRole"), f.textOf("targets:profile")
		case sharedDir:
			v.Connection = f.textOf("shared:connectionArn")
		}
	}
	v.AdminRole = v.commonRole()
	return v, nil
}

// commonRole is the role that all target accounts without a profile are
// reached by, "" where they have none or several.
func (v Values) commonRole() string {
	role := ""
	for _, env := range v.Environments.Names() {
		switch own, known := v.adminRoles[env]; {
		case !known || v.Profiles[env] != "" || own == role:
		case role == "":
			role = own
		default:
			return ""
		}
	}
	return role
}

// overlaidOn returns the values, completed with existing ones.
func (v Values) overlaidOn(existing Values) Values {
	v.Repository = cmp.Or(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(v.Repository, "/"), "https://github.com/"), ".git"), existing.Repository)
	v.Branch = cmp.Or(v.Branch, cmp.Or(existing.Branch, "main"))
	if len(v.Environments) == 0 {
		v.Environments = existing.Environments
	}
	if len(v.Environments) == 0 {
		v.Environments = promotion.Default()
	}
	v.Environments = v.Environments.WithAccounts(v.Accounts)
	v.SharedAccounts = v.SharedAccounts || existing.SharedAccounts
	if len(v.Owners) == 0 {
		v.Owners = existing.Owners
	}
	if len(v.Operators) == 0 {
		v.Operators = existing.Operators
	}
	v.Connection = cmp.Or(v.Connection, existing.Connection)
	profiles, roles := map[naming.Environment]string{}, map[naming.Environment]string{}
	for _, env := range v.Environments.Names() {
		role, known := existing.adminRoles[env]
		if !known {
			role = existing.AdminRole
		}
		roles[env], profiles[env] = role, v.Profiles[env]
		if v.AdminRole == "" { // a role that is given now replaces the profiles of earlier
			profiles[env] = cmp.Or(v.Profiles[env], existing.Profiles[env])
		}
	}
	v.Profiles, v.adminRoles = profiles, roles
	return v
}

type keyValue struct {
	key   string
	value []string
	list  bool

	environments promotion.Environments // instead of the value of environmentsKey
}

// keysOf are the config keys of a project.
func (v Values) keysOf(project Project) []keyValue {
	owner, name, _ := strings.Cut(v.Repository, "/")
	text := func(key, value string) keyValue {
		return keyValue{key: key, value: slices.DeleteFunc([]string{value}, isEmpty)}
	}
	switch project.Dir {
	case bootstrapDir:
		sharedAccounts := ""
		if v.SharedAccounts {
			sharedAccounts = "true"
		}
		return []keyValue{
			text("bootstrap:environmentSuffix", v.Suffix),
			{key: environmentsKey, environments: v.Environments},
			text("bootstrap:allowSharedAccounts", sharedAccounts),
			text("bootstrap:repositoryOwner", owner),
			text("bootstrap:repositoryName", name),
			text("bootstrap:branch", v.Branch),
			{key: "bootstrap:owners", value: v.Owners, list: true},
			{key: "bootstrap:operators", value: v.Operators, list: true},
		}
	case targetsDir:
		role, profile := v.targetAccess(naming.Environment(project.Stack))
		return []keyValue{
			text("targets:environmentSuffix", v.Suffix),
			text("targets:adminRole", role),
			text("targets:profile", profile),
		}
	case sharedDir:
		return []keyValue{text("github:owner", owner), text("shared:connectionArn", v.Connection)}
	}
	return nil
}

func isEmpty(s string) bool { return s == "" }

// targetAccess is how the target account of an environment is reached: with a
// profile, else by a role.
func (v Values) targetAccess(env naming.Environment) (role, profile string) {
	if v.Profiles[env] != "" {
		return "", v.Profiles[env]
	}
	return cmp.Or(v.AdminRole, v.adminRoles[env]), ""
}

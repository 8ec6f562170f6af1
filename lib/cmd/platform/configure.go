package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
)

// answers are the values as text, as flags, variables and questions give them.
// An empty one leaves what the stack files have.
type answers struct {
	offer                                 string // a suffix made at random
	repository, branch, owners, operators string
	connection, adminRole                 string

	environments       []naming.Environment // of the installation
	accounts, profiles map[naming.Environment]*string
	given              givenByName
	sharedAccounts     bool
}

// givenByName are the values of flags that are given for each environment.
type givenByName struct{ accounts, profiles map[string]string }

func configureCommand(o *options) *cobra.Command {
	a := &answers{}
	cmd := &cobra.Command{
		Use:   "configure",
		Short: "Ask for the few values and write the stack files of all projects",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.configure(cmd.Context(), o) },
	}
	text := func(into *string, flag, variable, help string) {
		cmd.Flags().StringVar(into, flag, o.getenv(variable), help+" ("+variable+")")
	}
	text(&a.repository, "repository", "REPOSITORY", "infrastructure repository, owner/name")
	text(&a.branch, "branch", "BRANCH", "branch that is delivered; main when nothing says another")
	text(&a.owners, "owners", "OWNERS", "e-mail addresses to notify, separated by commas")
	text(&a.operators, "operators", "OPERATORS", "ARNs of who runs the platform's stacks, separated by commas; the caller of bootstrap when empty")
	text(&a.connection, "connection", "CONNECTION_ARN", "existing source connection; one is made when empty")
	text(&a.adminRole, "admin-role", "ADMIN_ROLE", "role of the target accounts that trusts the delivery account, assumed to make their roles")
	cmd.Flags().StringToStringVar(&a.given.accounts, "account", nil, "account of an environment, as in dev=123456789012 (DEV_ACCOUNT, …)")
	cmd.Flags().StringToStringVar(&a.given.profiles, "profile", nil, "AWS profile of an administrator of an environment, instead of the role, as in dev=dev-admin (DEV_PROFILE, …)")
	cmd.Flags().BoolVar(&a.sharedAccounts, "allow-shared-accounts", o.getenv("ALLOW_SHARED_ACCOUNTS") == "yes", "let environments have the same account (ALLOW_SHARED_ACCOUNTS=yes)")
	return cmd
}

// open takes what flags and variables say of the environments of the
// installation, which its suffix tells.
func (a *answers) open(o *options) error {
	all, err := platform.Environments(o.root, o.suffix)
	if err != nil {
		return err
	}
	a.environments = all.Names()
	a.accounts, a.profiles = map[naming.Environment]*string{}, map[naming.Environment]*string{}
	for _, env := range a.environments {
		account, profile := o.getenv(platform.AccountVariable(env)), o.getenv(platform.ProfileVariable(env))
		a.accounts[env], a.profiles[env] = &account, &profile
	}
	return errors.Join(byName(a.accounts, a.given.accounts, "account"), byName(a.profiles, a.given.profiles, "profile"))
}

// byName takes the values of a flag, and refuses those of unknown environments.
func byName(into map[naming.Environment]*string, given map[string]string, flag string) error {
	for name, value := range given {
		if into[naming.Environment(name)] == nil {
			return fmt.Errorf("--%s is %s=%s, but no environment is called %s: expected one of %v; add one with: make environment NAME=%s", flag, name, value, name, slices.Sorted(maps.Keys(into)), name)
		}
		into[naming.Environment(name)] = &value
	}
	return nil
}

// configure asks, checks, looks at the bucket names, shows what changes, and
// only then writes.
func (a *answers) configure(ctx context.Context, o *options) error {
	if err := a.chooseSuffix(o); err != nil {
		return err
	}
	if o.interactive() {
		if err := a.ask(o); err != nil {
			return err
		}
	} else if err := a.open(o); err != nil {
		return err
	}
	v := a.values(o.suffix)
	caller, notLoggedIn := o.loggedIn(ctx)
	v.Delivery = caller.Account
	c, err := platform.Plan(o.root, v)
	if err != nil {
		return err
	}
	if notLoggedIn == nil {
		fmt.Fprintf(o.out, "the delivery account is %s, where you are %s\n", caller.Account, caller.ARN)
		if err := platform.RefuseTakenNames(ctx, o.clients().Storage(), o.suffix, c.Environments, false); err != nil {
			return err
		}
	} else {
		c.Notes = append(c.Notes, "the bucket names were not looked at, because nobody is logged in to AWS: make bootstrap looks at them")
	}
	for _, note := range c.Notes {
		fmt.Fprintln(o.out, "note:", note)
	}
	for _, change := range c.Changes {
		fmt.Fprintln(o.out, change)
	}
	if len(c.Changes) == 0 {
		fmt.Fprintln(o.out, "nothing changes")
	}
	if err := c.Write(); err != nil {
		return err
	}
	fmt.Fprintln(o.out, "next: log in to the delivery account and run: make bootstrap")
	return nil
}

// lookPatience is how long it may take to find out that nobody is logged in.
const lookPatience = 10 * time.Second

// loggedIn returns whose the credentials are, and an error without any:
// configure works without.
func (o *options) loggedIn(ctx context.Context) (platform.Caller, error) {
	ctx, stop := context.WithTimeout(ctx, lookPatience)
	defer stop()
	return o.clients().Caller(ctx)
}

// chooseSuffix takes the suffix of the only installation where none is given,
// and offers one made at random for the first.
func (a *answers) chooseSuffix(o *options) (err error) {
	if a.offer, err = naming.RandomSuffix(o.random); err != nil || o.suffix != "" {
		return err
	}
	suffixes, err := platform.Suffixes(o.root)
	if err != nil {
		return err
	}
	switch {
	case len(suffixes) > 1 && !o.interactive():
		_, err = platform.FindSuffix(o.root) // says how to choose
		return err
	case len(suffixes) == 1:
		o.suffix = suffixes[0]
	case o.interactive():
		o.suffix = a.offer
	}
	return nil
}

func (a *answers) values(suffix string) platform.Values {
	v := platform.Values{
		Suffix:     suffix,
		Offer:      a.offer,
		Repository: a.repository,
		Branch:     a.branch,
		Owners:     list(a.owners),
		Operators:  list(a.operators),
		Accounts:   map[naming.Environment]string{},
		Connection: a.connection,
		AdminRole:  a.adminRole,
		Profiles:   map[naming.Environment]string{},

		SharedAccounts: a.sharedAccounts,
	}
	for _, env := range a.environments {
		v.Accounts[env], v.Profiles[env] = *a.accounts[env], *a.profiles[env]
	}
	return v
}

// list splits a comma-separated text.
func list(text string) []string {
	var out []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// existing takes what the stack files have for what was not given.
func (a *answers) existing(v platform.Values) {
	fill := func(into *string, value string) {
		if *into == "" {
			*into = value
		}
	}
	fill(&a.repository, v.Repository)
	fill(&a.branch, v.Branch)
	fill(&a.branch, "main")
	fill(&a.owners, strings.Join(v.Owners, ", "))
	fill(&a.operators, strings.Join(v.Operators, ", "))
	fill(&a.connection, v.Connection)
	given := a.adminRole != "" // replaces the profiles of earlier
	fill(&a.adminRole, v.AdminRole)
	for _, env := range a.environments {
		fill(a.accounts[env], v.Environments.Account(env))
		if !given {
			fill(a.profiles[env], v.Profiles[env])
		}
	}
}

// question is one value that a person is asked for.
type question struct {
	text, variable string
	into           *string
	optional       bool
}

// ask puts the questions. An empty answer takes what is shown in brackets, and
// one that can't be used is asked for again.
func (a *answers) ask(o *options) error {
	lines := bufio.NewReader(o.in)
	err := a.put(o, lines, question{"Suffix that ends every name, 2 to 12 lower-case letters and digits, beginning with a letter", "SUFFIX", &o.suffix, false})
	if err != nil {
		return ended(err)
	}
	if err := a.open(o); err != nil {
		return err
	}
	existing, err := platform.Configured(o.root, o.suffix)
	if err != nil {
		return err
	}
	a.existing(existing)
	questions := []question{
		{"Infrastructure repository on GitHub, owner/name", "REPOSITORY", &a.repository, false},
		{"Branch that is delivered", "BRANCH", &a.branch, false},
		{"E-mail addresses to notify, separated by commas", "OWNERS", &a.owners, false},
		{"ARNs of who runs the platform's stacks, separated by commas (empty: whoever runs bootstrap)", "OPERATORS", &a.operators, true},
	}
	for _, env := range a.environments {
		questions = append(questions, question{"Account of " + string(env), platform.AccountVariable(env), a.accounts[env], false})
	}
	questions = append(questions, question{"Role of these accounts that trusts the delivery account (empty: AWS profiles)", "ADMIN_ROLE", &a.adminRole, true})
	for _, q := range questions {
		if err := a.put(o, lines, q); err != nil {
			return ended(err)
		}
	}
	if a.adminRole == "" {
		for _, env := range a.environments {
			if err := a.put(o, lines, question{"AWS profile of an administrator of " + string(env), platform.ProfileVariable(env), a.profiles[env], true}); err != nil {
				return ended(err)
			}
		}
	}
	return ended(a.put(o, lines, question{"ARN of an existing source connection (empty: make one)", "CONNECTION_ARN", &a.connection, true}))
}

// ended takes the end of the input for the end of the questions.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// put asks one question until the answer can be used.
func (a *answers) put(o *options, lines *bufio.Reader, q question) error {
	shown := *q.into
	for {
		fmt.Fprintf(o.out, "%s [%s]: ", q.text, shown)
		line, err := lines.ReadString('\n')
		*q.into = shown
		if line = strings.TrimSpace(line); line != "" {
			*q.into = line
		}
		if err != nil {
			return err
		}
		problem, err := a.problem(o, q)
		if err != nil || problem == nil {
			return err
		}
		fmt.Fprintln(o.out, problem)
	}
}

// problem is what is wrong with the answer to a question, nil for nothing.
func (a *answers) problem(o *options, q question) (*platform.ValueError, error) {
	problems, err := platform.Problems(o.root, a.values(o.suffix))
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		if p.Variable == q.variable && (*q.into != "" || !q.optional) {
			return p, nil
		}
	}
	return nil, nil
}

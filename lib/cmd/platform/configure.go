package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"delivery/lib/naming"
	"delivery/lib/platform"
	"delivery/lib/settings"
)

// answers are the values as text, as flags, variables and questions give them.
type answers struct {
	repository, branch, owners, operators string
	dev, staging, prod                    string
	connection, adminRole                 string
	profiles                              map[naming.Environment]*string
}

func configureCommand(o *options) *cobra.Command {
	a := &answers{profiles: map[naming.Environment]*string{}}
	cmd := &cobra.Command{
		Use:   "configure",
		Short: "Ask for the few values and write the stack files of all projects",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if o.interactive() {
				if err := a.ask(o); err != nil {
					return err
				}
			}
			files, err := platform.Configure(o.root, a.values(o.suffix))
			if err != nil {
				return err
			}
			for _, f := range files {
				fmt.Fprintln(o.out, "wrote", f)
			}
			fmt.Fprintln(o.out, "next: log in to the delivery account and run: make bootstrap")
			return nil
		},
	}
	defaults := settings.DefaultAccounts()
	text := func(into *string, flag, variable, def, help string) {
		if v := o.getenv(variable); v != "" {
			def = v
		}
		cmd.Flags().StringVar(into, flag, def, help+" ("+variable+")")
	}
	text(&a.repository, "repository", "REPOSITORY", "", "infrastructure repository, owner/name")
	text(&a.branch, "branch", "BRANCH", "main", "branch that is delivered")
	text(&a.owners, "owners", "OWNERS", "", "e-mail addresses to notify, separated by commas")
	text(&a.operators, "operators", "OPERATORS", "", "ARNs of who runs the platform's stacks, separated by commas; the caller of bootstrap when empty")
	text(&a.dev, "dev-account", "DEV_ACCOUNT", defaults.Dev, "account of dev")
	text(&a.staging, "staging-account", "STAGING_ACCOUNT", defaults.Staging, "account of staging")
	text(&a.prod, "prod-account", "PROD_ACCOUNT", defaults.Prod, "account of production")
	text(&a.connection, "connection", "CONNECTION_ARN", "", "existing source connection; one is made when empty")
	text(&a.adminRole, "admin-role", "ADMIN_ROLE", "", "role to assume in the target accounts when their roles are made")
	for _, env := range naming.Environments() {
		a.profiles[env] = new(string)
		text(a.profiles[env], string(env)+"-profile", strings.ToUpper(string(env))+"_PROFILE", "", "AWS profile of an administrator of "+string(env)+", instead of the role")
	}
	return cmd
}

func (a *answers) values(suffix string) platform.Values {
	v := platform.Values{
		Suffix:     suffix,
		Repository: a.repository,
		Branch:     a.branch,
		Owners:     list(a.owners),
		Operators:  list(a.operators),
		Accounts:   settings.Accounts{Dev: a.dev, Staging: a.staging, Prod: a.prod},
		Connection: a.connection,
		AdminRole:  a.adminRole,
		Profiles:   map[naming.Environment]string{},
	}
	for env, p := range a.profiles {
		v.Profiles[env] = *p
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

// ask puts the questions whose answers are usually different from the
// defaults. An empty answer takes what is shown in brackets.
func (a *answers) ask(o *options) error {
	lines := bufio.NewReader(o.in)
	for _, q := range []struct {
		text string
		into *string
	}{
		{"Suffix that ends every name, 2 to 12 lower-case letters and digits", &o.suffix},
		{"Infrastructure repository on GitHub, owner/name", &a.repository},
		{"Branch that is delivered", &a.branch},
		{"E-mail addresses to notify, separated by commas", &a.owners},
		{"Account of dev", &a.dev},
		{"Account of staging", &a.staging},
		{"Account of production", &a.prod},
		{"ARN of an existing source connection (empty: make one)", &a.connection},
	} {
		fmt.Fprintf(o.out, "%s [%s]: ", q.text, *q.into)
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if line = strings.TrimSpace(line); line != "" {
			*q.into = line
		}
		if err == io.EOF {
			break
		}
	}
	return nil
}

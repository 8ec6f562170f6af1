package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/platform"
	"delivery.internal/lib/promotion"
)

// environmentCommand adds an environment to the repository.
func environmentCommand(o *options) *cobra.Command {
	var name, follows, imageFrom, account, mode string
	approval := o.getenv("APPROVAL") == "yes"
	cmd := &cobra.Command{
		Use:   "environment",
		Short: "Add an environment: its project, and its place in the settings",
		Args:  cobra.NoArgs,
	}
	text := func(into *string, flag, variable, help string) {
		cmd.Flags().StringVar(into, flag, o.getenv(variable), help+" ("+variable+")")
	}
	text(&name, "name", "NAME", "name of the environment")
	text(&follows, "follows", "FOLLOWS", "environment whose success starts this one's pipeline; a push when empty")
	text(&imageFrom, "image-from", "IMAGE_FROM", "environment whose build image this one takes; that of --follows when empty")
	text(&mode, "mode", "MODE", "QUEUED or SUPERSEDED; QUEUED with an approval and SUPERSEDED without one when empty")
	text(&account, "account", "ACCOUNT", "account of the installations that are configured; make configure asks for it when empty")
	cmd.Flags().BoolVar(&approval, "approval", approval, "a person approves every deployment (APPROVAL=yes)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if imageFrom == "" {
			imageFrom = follows
		}
		return addEnvironment(cmd.Context(), o, promotion.Environment{
			Name: naming.Environment(name), Account: promotion.Account(account), Mode: promotion.Mode(mode), Approval: approval,
			Follows: naming.Environment(follows), ImageFrom: naming.Environment(imageFrom),
		})
	}
	return cmd
}

func addEnvironment(ctx context.Context, o *options, e promotion.Environment) error {
	written, err := platform.NewEnvironment{Environment: e, Root: o.root}.Add()
	for _, file := range written {
		fmt.Fprintln(o.out, "written:", file)
	}
	if err != nil {
		return err
	}
	work := exec.CommandContext(ctx, "go", "work", "use", "./environments/"+string(e.Name))
	work.Dir = o.root
	if out, err := work.CombinedOutput(); err != nil {
		return fmt.Errorf("go.work can't be extended: %w: %s; run: go work use ./environments/%s", err, strings.TrimSpace(string(out)), e.Name)
	}
	fmt.Fprintf(o.out, "next: rehearse it with: make rehearse; then run: make configure %s=…, make bootstrap, and make up with PROJECT=targets/%s, PROJECT=shared and PROJECT=environments/%s; each stack of your infrastructure repository needs a Pulumi.%s.yaml\n",
		platform.AccountVariable(e.Name), e.Name, e.Name, e.Name)
	return nil
}

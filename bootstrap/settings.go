package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/projectconfig"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

// readSettings reads the settings of the whole installation, completes them
// with who is calling, and says everything that is wrong with them at once.
func readSettings(ctx *pulumi.Context) (settings.Settings, error) {
	r := projectconfig.NewReader(ctx)
	s := settings.Settings{
		EnvironmentSuffix:   r.String("environmentSuffix", ""),
		Region:              config.Get(ctx, "aws:region"),
		AllowSharedAccounts: r.Bool("allowSharedAccounts", false),
		Repository: settings.Repository{
			Owner:  r.String("repositoryOwner", ""),
			Name:   r.String("repositoryName", ""),
			Branch: r.String("branch", "main"),
		},
	}
	r.Exact(settings.EnvironmentsKey, &s.Environments, "a list of environments, each with name, account and what docs/deployment.md lists",
		`'[{"name":"dev","account":"123456789012"}]'`)
	r.Object("owners", &s.Owners, "a list of e-mail addresses", `'["platform@example.com"]'`)
	r.Object("operators", &s.Operators, "a list of ARNs", `'["arn:aws:iam::123456789012:role/Platform"]'`)
	if err := r.Err(); err != nil {
		return s, err // the rest can't be checked without it
	}
	if len(s.Environments) == 0 {
		s.Environments = promotion.Default()
	}
	caller, err := aws.GetCallerIdentity(ctx, nil)
	if err != nil {
		return s, fmt.Errorf("who runs bootstrap can't be told: %w; log in to the delivery account first, for instance with: aws sso login", err)
	}
	s.DeliveryAccount = caller.AccountId
	var unknown error
	if len(s.Operators) == 0 {
		var operator string
		operator, unknown = operatorOf(caller.Arn)
		s.Operators = []string{operator}
	}
	if unknown != nil {
		s.Operators = []string{"arn:aws:iam::" + caller.AccountId + ":role/unknown"} // one error is enough
	}
	if err := errors.Join(unknown, s.Validate(), stackIsSuffix(ctx, s)); err != nil {
		return s, err
	}
	s.Environments = s.Environments.InOrder()
	return s, nil
}

// stackIsSuffix keeps two installations apart: the suffix is what the other
// projects look this stack up by.
func stackIsSuffix(ctx *pulumi.Context, s settings.Settings) error {
	if naming.ValidSuffix(s.EnvironmentSuffix) != nil || ctx.Stack() == s.EnvironmentSuffix {
		return nil
	}
	return fmt.Errorf("settings: \"bootstrap:environmentSuffix\" is %q, but the stack is %q: expected the same; rename one, for instance with: pulumi config set bootstrap:environmentSuffix %s",
		s.EnvironmentSuffix, ctx.Stack(), ctx.Stack())
}

var sessionPattern = regexp.MustCompile(`^arn:aws:sts::([0-9]{12}):assumed-role/([^/]+)/[^/]+$`)

// operatorOf turns a caller's ARN into the role or user that key policies
// name. A session's ARN lacks the path of its role, which policies need: roles
// of IAM Identity Center always have one, so they must be given.
func operatorOf(caller string) (string, error) {
	m := sessionPattern.FindStringSubmatch(caller)
	switch {
	case m == nil:
		return caller, nil
	case strings.HasPrefix(m[2], "AWSReservedSSO_"):
		return "", fmt.Errorf("settings: \"bootstrap:operators[0]\" is not set and can't be derived from the IAM Identity Center session %s, which does not tell the role's path; set it to what 'aws iam get-role --role-name %s --query Role.Arn' prints, with: pulumi config set --path 'bootstrap:operators[0]' ARN", caller, m[2])
	}
	return "arn:aws:iam::" + m[1] + ":role/" + m[2], nil
}

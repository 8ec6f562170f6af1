package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/permissions"
	"delivery.internal/lib/plantest/dump"
)

const urn = "urn:pulumi:a1b2::shared::aws:iam/rolePolicy:RolePolicy::reader"

func stack(actions string) []dump.Stack {
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"arn:aws:s3:::reports/*"}]}`
	return []dump.Stack{{Project: "shared", Stack: "a1b2", Resources: []dump.Resource{
		{URN: urn, Type: "aws:iam/rolePolicy:RolePolicy", Inputs: map[string]any{"role": "reader", "policy": policy}}}}}
}

func TestOnlyWhatIsBroaderIsPrinted(t *testing.T) {
	t.Parallel()
	one, two := stack(`"s3:GetObject"`), stack(`"s3:GetObject","s3:PutObject"`)
	for name, c := range map[string]struct {
		before, after []dump.Stack
		want          []string
	}{
		"equal":     {one, one, []string{"b allows nothing that a does not"}},
		"narrower":  {two, one, []string{"b allows nothing that a does not"}},
		"gone":      {two, nil, []string{"b allows nothing that a does not"}},
		"broader":   {one, two, []string{urn, "s3:PutObject", "b allows more than a: resources above: 1"}},
		"new":       {nil, one, []string{urn, "s3:GetObject", "resources above: 1"}},
		"elsewhere": {one, append(stack(`"s3:GetObject"`), dump.Stack{Project: "targets", Stack: "dev"}), []string{"b allows nothing"}},
	} {
		var out strings.Builder
		require.NoError(t, report(&out, "a", "b", permissions.Broadened(permissions.Compare(changes(c.before, c.after)))))
		for _, want := range c.want {
			require.Contains(t, out.String(), want, name)
		}
	}
}

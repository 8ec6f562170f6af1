package provider

import (
	"errors"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/typetoken"
)

// codeconnectionsKinds: constraints from the API model of CodeConnections
// (CreateConnection). A connection made by the API is PENDING until a person
// completes it in the console.
func codeconnectionsKinds() []Kind {
	return []Kind{{
		Token: typetoken.Connection, Name: "name",
		ID: func(c *Call) string {
			c.ARN = arnOf("codeconnections", "connection/")(c.Account, uuid(c))
			return c.ARN
		},
		Inputs: map[string]Input{
			"name":         named(awsname.Connection).replaces(),
			"providerType": text.enum("Bitbucket", "GitHub", "GitHubEnterpriseServer", "GitLab", "GitLabSelfManaged").replaces().computed(),
			"hostArn":      text.match(`arn:aws:(codestar-connections|codeconnections):.+:[0-9]{12}:host/.+`).between(0, 256).replaces(),
			"timeouts":     object(map[string]Input{"create": text, "update": text, "delete": text}),
			"tags":         tags,
		},
		Plan: func(c *Call) error {
			f := &failed{}
			f.atMostOne(c, "providerType", "hostArn")
			f.when(!c.isGiven("providerType") && !c.isGiven("hostArn"), "providerType or hostArn is required")
			return f.err()
		},
		Computed: []string{"arn", "connectionStatus", "ownerAccountId"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{
				"connectionStatus": c.keptOutput("connectionStatus", func() any { return "PENDING" }),
				"ownerAccountId":   c.Account,
			}, errors.Join(c.authorizeTags("codeconnections:TagResource", "codeconnections:UntagResource"))
		},
		Actions: Actions{
			Create: []string{"codeconnections:CreateConnection", "codeconnections:GetConnection", "codeconnections:ListTagsForResource"},
			Read:   []string{"codeconnections:GetConnection", "codeconnections:ListTagsForResource"},
			Update: []string{"codeconnections:GetConnection", "codeconnections:ListTagsForResource"}, Delete: []string{"codeconnections:DeleteConnection"},
		},
	}}
}

package provider

import (
	"fmt"
	"strings"
)

// randomKinds are values made by the engine's host and kept in the state.
func randomKinds() []Kind {
	return []Kind{{
		Token: "random:index/randomPassword:RandomPassword",
		ID:    func(*Call) string { return "none" },
		Inputs: map[string]Input{
			"length": number.required().between(1, 4096).replaces(), "special": flag.def(true).replaces(), "lower": flag.def(true).replaces(),
			"upper": flag.def(true).replaces(), "numeric": flag.def(true).replaces(), "minLower": number.def(0.0).replaces(), "minUpper": number.def(0.0).replaces(),
			"minNumeric": number.def(0.0).replaces(), "minSpecial": number.def(0.0).replaces(), "overrideSpecial": text.replaces(), "keepers": mapOf(text).replaces(),
		},
		Computed: []string{"result", "bcryptHash"},
		Secrets:  []string{"result", "bcryptHash"},
		Outputs: func(c *Call) (map[string]any, error) {
			n, _ := c.Inputs["length"].(float64)
			return map[string]any{"result": password(int(n)), "bcryptHash": "$2a$10$" + password(53)}, nil
		},
	}}
}

// githubKinds are settings of a repository. Input names and replacements as in
// the GitHub provider 6.7.
func githubKinds() []Kind {
	repository := text.required().match(`[A-Za-z0-9._-]{1,100}`).replaces()
	environment := text.required().between(1, 255).replaces()
	variable := text.required().match(`[A-Za-z_][A-Za-z0-9_]*`).replaces()
	return []Kind{{
		Token: "github:index/repositoryWebhook:RepositoryWebhook",
		ID:    numbered("%d"),
		Inputs: map[string]Input{
			"repository": repository, "active": flag.def(true), "events": list(text.enum("push", "ping", "pull_request", "create", "delete", "*")).required().between(1, 0),
			"configuration": object(map[string]Input{
				"url": text.required().match(`https://.+`), "contentType": text.enum("json", "form"), "secret": text, "insecureSsl": flag,
			}).hidden(),
			"etag": text.computed(),
		},
		Computed: []string{"url"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"url": fmt.Sprintf("https://api.github.com/repos/%s/hooks/%s", c.Str("repository"), c.ID)}, nil
		},
	}, {
		Token: "github:index/repositoryEnvironment:RepositoryEnvironment",
		ID:    joined(":", "repository", "environment"),
		Slot:  []string{"repository", "environment"},
		Inputs: map[string]Input{
			"repository": repository, "environment": environment, "waitTimer": number.between(0, 43200), "canAdminsBypass": flag.def(true),
			"preventSelfReview": flag.def(false), "reviewers": list(blob),
			"deploymentBranchPolicy": object(map[string]Input{"protectedBranches": flag.required(), "customBranchPolicies": flag.required()}),
		},
		Plan: func(c *Call) error {
			p, _ := c.Inputs["deploymentBranchPolicy"].(map[string]any)
			if p != nil && p["protectedBranches"] == p["customBranchPolicies"] {
				return fmt.Errorf("deploymentBranchPolicy: protectedBranches and customBranchPolicies can't be the same")
			}
			return nil
		},
	}, {
		Token:  "github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable",
		ID:     joined(":", "repository", "environment", "variableName"),
		Slot:   []string{"repository", "environment", "variableName"},
		Inputs: map[string]Input{"repository": repository, "environment": environment, "variableName": variable, "value": text.required().between(1, 48*1024)},
		Plan:   refuseGitHubPrefix("variableName"),
		Outputs: func(c *Call) (map[string]any, error) {
			return nil, environmentExists(c)
		},
	}, {
		Token: "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret",
		ID:    joined(":", "repository", "environment", "secretName"),
		Slot:  []string{"repository", "environment", "secretName"},
		Inputs: map[string]Input{
			"repository": repository, "environment": environment, "secretName": variable,
			"plaintextValue": text.between(1, 48*1024).replaces().hidden(), "encryptedValue": text.replaces().hidden(),
		},
		Plan: refuseGitHubPrefix("secretName"),
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}, environmentExists(c)
		},
		Computed: []string{"createdAt", "updatedAt"},
	}, {
		Token: "github:index/branchProtection:BranchProtection",
		ID:    numbered("BPR_%d"),
		Slot:  []string{"repositoryId", "pattern"},
		Inputs: map[string]Input{
			"repositoryId": text.required().between(1, 140), "pattern": text.required().between(1, 255), "enforceAdmins": flag, "allowsDeletions": flag, "allowsForcePushes": flag,
			"requireSignedCommits": flag, "requiredLinearHistory": flag, "requireConversationResolution": flag, "lockBranch": flag, "forcePushBypassers": list(text),
			"requiredStatusChecks":       list(object(map[string]Input{"strict": flag, "contexts": list(text)})),
			"restrictPushes":             list(blob),
			"requiredPullRequestReviews": list(object(map[string]Input{"requiredApprovingReviewCount": number.between(0, 6), "dismissStaleReviews": flag, "requireCodeOwnerReviews": flag, "requireLastPushApproval": flag, "restrictDismissals": flag, "dismissalRestrictions": list(text), "pullRequestBypassers": list(text)})),
		},
	}}
}

// refuseGitHubPrefix: names must not begin with GITHUB_. See "Naming your
// secrets" in GitHub's documentation.
func refuseGitHubPrefix(input string) func(*Call) error {
	return func(c *Call) error {
		if strings.HasPrefix(strings.ToUpper(c.Str(input)), "GITHUB_") {
			return fmt.Errorf("%s is %q: names must not begin with GITHUB_", input, c.Str(input))
		}
		return nil
	}
}

func environmentExists(c *Call) error {
	id := c.Str("repository") + ":" + c.Str("environment")
	if c.Cloud.Get(c.Account, "github:index/repositoryEnvironment:RepositoryEnvironment", id) == nil {
		return fmt.Errorf("404 Not Found: environment %s does not exist in repository %s", c.Str("environment"), c.Str("repository"))
	}
	return nil
}

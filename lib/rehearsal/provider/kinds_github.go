package provider

import (
	"errors"
	"fmt"
	"strings"

	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/rehearsal/cloud"
)

const (
	maxGitHubValue    = 48 * 1024 // "Limits for secrets" and "Limits for configuration variables": 48 KB
	maxGitHubReviewer = 6         // "Required reviewers": six people or teams
)

// webhookEvents are the names of repository events. See "Webhook events and
// payloads" in GitHub's documentation.
var webhookEvents = []string{
	"*", "branch_protection_configuration", "branch_protection_rule", "check_run", "check_suite", "code_scanning_alert", "commit_comment", "create",
	"custom_property_values", "delete", "dependabot_alert", "deploy_key", "deployment", "deployment_protection_rule", "deployment_review",
	"deployment_status", "discussion", "discussion_comment", "fork", "gollum", "issue_comment", "issues", "label", "member", "merge_group", "meta",
	"milestone", "package", "page_build", "ping", "project", "project_card", "project_column", "public", "pull_request", "pull_request_review",
	"pull_request_review_comment", "pull_request_review_thread", "push", "registry_package", "release", "repository", "repository_advisory",
	"repository_import", "repository_ruleset", "repository_vulnerability_alert", "secret_scanning_alert", "secret_scanning_alert_location",
	"security_and_analysis", "star", "status", "sub_issues", "team_add", "watch", "workflow_dispatch", "workflow_job", "workflow_run",
}

// githubKinds are settings of a repository. Inputs and replacements as in
// version 6.7 of the GitHub provider; repositories are named without an owner.
func githubKinds() []Kind {
	repository := text.required().match(`[A-Za-z0-9._-]{1,100}`).replaces()
	return append([]Kind{webhookKind(repository), protectionKind()}, environmentKinds(repository)...)
}

func webhookKind(repository Input) Kind {
	return Kind{
		Token: typetoken.GitHubWebhook,
		ID:    serialID("%d"),
		Slot:  []string{"repository", "configuration.url"}, // "Hook already exists on this repository"
		Inputs: map[string]Input{
			"repository": repository,
			"active":     flag.def(true),
			"events":     list(text.enum(webhookEvents...)).required().between(1, 0),
			"configuration": object(map[string]Input{
				"url":         text.required().match(`https?://[^\s]+`),
				"contentType": text.enum("json", "form"),
				"secret":      text,
				"insecureSsl": flag,
			}).hidden(),
		},
		Plan: func(c *Call) error {
			if c.Inputs["configuration"] == nil && !c.Unknown["configuration"] {
				return fmt.Errorf("configuration is not set: a webhook needs a URL")
			}
			return nil
		},
		Computed: []string{"url", "etag"},
		Outputs: func(c *Call) (map[string]any, error) {
			return map[string]any{
				"url":  fmt.Sprintf("https://api.github.com/repos/%s/hooks/%s", c.Str("repository"), c.ID),
				"etag": fmt.Sprintf("W/\"%032x\"", c.Cloud.Serial()),
			}, nil
		},
	}
}

// environmentKinds are a deployment environment and what it holds.
func environmentKinds(repository Input) []Kind {
	environment := text.required().between(1, 255).replaces()
	// "Naming your secrets": letters, digits and underscores, no digit first.
	name := text.required().match(`[A-Za-z_][A-Za-z0-9_]*`).replaces()
	within := func(input string) Kind {
		return Kind{
			ID: joinedID(":", "repository", "environment", input), Slot: []string{"repository", "environment", input},
			Inputs: map[string]Input{"repository": repository, "environment": environment, input: name},
			Plan:   refuseGitHubPrefix(input), Computed: []string{"createdAt", "updatedAt"},
			Outputs: func(c *Call) (map[string]any, error) {
				now := c.Cloud.Now().UTC().Format("2006-01-02T15:04:05Z")
				return map[string]any{"createdAt": c.keptOutput("createdAt", func() any { return now }), "updatedAt": now}, environmentExists(c)
			},
		}
	}
	variable, secret := within("variableName"), within("secretName")
	variable.Token, secret.Token = typetoken.GitHubVariable, typetoken.GitHubSecret
	variable.Inputs["value"] = text.required().between(1, maxGitHubValue)
	secret.Inputs["plaintextValue"] = text.between(1, maxGitHubValue).replaces().hidden()
	secret.Inputs["encryptedValue"] = text.replaces().hidden()
	return []Kind{{
		Token: typetoken.GitHubEnvironment,
		ID:    joinedID(":", "repository", "environment"),
		Slot:  []string{"repository", "environment"},
		Inputs: map[string]Input{
			"repository":             repository,
			"environment":            environment,
			"waitTimer":              number.between(0, 43200),
			"canAdminsBypass":        flag.def(true),
			"preventSelfReview":      flag.def(false),
			"reviewers":              list(object(map[string]Input{"users": list(number), "teams": list(number)})),
			"deploymentBranchPolicy": object(map[string]Input{"protectedBranches": flag.required(), "customBranchPolicies": flag.required()}),
		},
		Plan: planEnvironment,
		Outputs: func(c *Call) (map[string]any, error) {
			return nil, withinPlan(c, c.Str("repository"), freeHasNoEnvironments)
		},
		Delete: func(c *Call) error { // GitHub deletes what the environment holds
			c.removeAll(func(r *cloud.Resource) bool {
				return r.Str("repository") == c.Str("repository") && r.Str("environment") == c.Str("environment")
			}, typetoken.GitHubVariable, typetoken.GitHubSecret)
			return nil
		},
	}, variable, secret}
}

func planEnvironment(c *Call) error {
	if p, _ := c.Inputs["deploymentBranchPolicy"].(map[string]any); p != nil && p["protectedBranches"] == p["customBranchPolicies"] {
		return fmt.Errorf("deploymentBranchPolicy: protectedBranches and customBranchPolicies can't be the same")
	}
	n := 0
	for _, r := range objects(c.Inputs, "reviewers") {
		users, _ := r["users"].([]any)
		teams, _ := r["teams"].([]any)
		n += len(users) + len(teams)
	}
	if n > maxGitHubReviewer {
		return fmt.Errorf("reviewers are %d: at most %d are allowed", n, maxGitHubReviewer)
	}
	return nil
}

func protectionKind() Kind {
	return Kind{
		Token: typetoken.GitHubBranchProtection,
		ID:    serialID("BPR_%d"),
		Slot:  []string{"repositoryId", "pattern"},
		Outputs: func(c *Call) (map[string]any, error) {
			return nil, withinPlan(c, c.Str("repositoryId"), freeHasNoProtection)
		},
		Inputs: map[string]Input{
			"repositoryId":                  text.required().between(1, 140).replaces(),
			"pattern":                       text.required().between(1, 255),
			"enforceAdmins":                 flag.def(false),
			"allowsDeletions":               flag.def(false),
			"allowsForcePushes":             flag.def(false),
			"requireSignedCommits":          flag.def(false),
			"requiredLinearHistory":         flag.def(false),
			"requireConversationResolution": flag.def(false),
			"lockBranch":                    flag.def(false),
			"forcePushBypassers":            list(text),
			"requiredStatusChecks":          list(object(map[string]Input{"strict": flag, "contexts": list(text)})),
			"restrictPushes":                list(object(map[string]Input{"blocksCreations": flag, "pushAllowances": list(text)})),
			"requiredPullRequestReviews": list(object(map[string]Input{
				"requiredApprovingReviewCount": number.between(0, 6),
				"dismissStaleReviews":          flag,
				"requireCodeOwnerReviews":      flag,
				"requireLastPushApproval":      flag,
				"restrictDismissals":           flag,
				"dismissalRestrictions":        list(text),
				"pullRequestBypassers":         list(text),
			})),
		},
	}
}

// What GitHub answers for a private repository of its free plan, which has
// neither protected branches nor environments: see "About protected branches"
// and "Managing environments for deployment" in its documentation, and for the
// words issues 37 of ossf/allstar and 251 of pulumi/pulumi-github.
const (
	freeHasNoProtection   = "403 Upgrade to GitHub Pro or make this repository public to enable this feature."
	freeHasNoEnvironments = "422 Fail to create protected rule, please ensure billing plan include protected branch gate. []"
)

// withinPlan refuses what the plan of a repository does not include.
func withinPlan(c *Call, repository, refusal string) error {
	r := c.Cloud.Get(c.Account, typetoken.GitHubRepository, repository)
	if r != nil && r.Str("visibility") == "private" && r.Str("plan") == "free" {
		return errors.New(refusal)
	}
	return nil
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
	if c.Cloud.Get(c.Account, typetoken.GitHubEnvironment, id) == nil {
		return fmt.Errorf("404 Not Found: environment %s does not exist in repository %s", c.Str("environment"), c.Str("repository"))
	}
	return nil
}

package buildproject_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"delivery.internal/lib/buildproject"
	"delivery.internal/lib/deploy"
	"delivery.internal/lib/golden"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/plantest"
)

const projectType = "aws:codebuild/project:Project"

var (
	image = "repository@sha256:" + strings.Repeat("ab", 32)
	both  = buildproject.Steps()
)

// the returns the step that runs a command of the deployer.
func the(verb string) buildproject.Step {
	return both[slices.IndexFunc(both, func(s buildproject.Step) bool { return s.Verb == verb })]
}

func args(step buildproject.Step, env naming.Environment) *buildproject.Args {
	s := plantest.Settings()
	n := s.Namer(env)
	a := &buildproject.Args{
		Step: step, Names: n, Scope: s.Delivery(), Image: image, KeyARN: plantest.Key(env),
		ArtifactBucket: n.Of(naming.ArtifactBucket), StateBucket: n.Of(naming.StateBucket),
		LedgerBucket: s.Namer(naming.Shared).Of(naming.LedgerBucket), LedgerKeyARN: plantest.Key(naming.Shared),
		Bus:           s.Namer(naming.Shared).Of(naming.DeliveryBus),
		TargetAccount: s.Environments.Account(env), TargetRoleARN: s.Target(env).Role(n.Of(naming.PreviewRole)), ExternalID: n.Of(naming.ExternalID),
		Tags: pulumi.StringMap{"Owner": pulumi.String("me")},
	}
	if step.Target == buildproject.ChangeTarget {
		a.TargetRoleARN = s.Target(env).Role(n.Of(naming.DeployRole))
	}
	if env == naming.Prod {
		a.Requires = naming.Staging
	}
	return a
}

func program(args *buildproject.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := buildproject.NewProject(ctx, "build", args)
		return err
	}
}

func made(t *testing.T, step buildproject.Step, env naming.Environment) []plantest.Resource {
	t.Helper()
	return plantest.Run(t, "environment-"+string(env), plantest.Suffix, nil, program(args(step, env)), nil)
}

func TestBothProjectsKeepTheRules(t *testing.T) {
	t.Parallel()
	for _, step := range both {
		rs := made(t, step, naming.Dev)
		plantest.Check(t, rs, plantest.Suffix, map[string]string{"Owner": "me"})
		p := plantest.One(t, rs, projectType, "")
		env := p.Inputs["environment"].(map[string]any)
		require.Equal(t, "BUILD_GENERAL1_LARGE", env["computeType"])
		require.Equal(t, image, env["image"])
		require.Equal(t, "CODEBUILD", env["imagePullCredentialsType"])
		require.Equal(t, false, env["privilegedMode"])
		require.Equal(t, map[string]any{"type": "CODEPIPELINE"}, p.Inputs["artifacts"])
		require.Equal(t, plantest.Key(naming.Dev), p.Text("encryptionKey"))
		require.Equal(t, step.Verb+"-logs-dev-a1b2", p.Inputs["logsConfig"].(map[string]any)["cloudwatchLogs"].(map[string]any)["groupName"])
	}
}

// TestTheDeployerAcceptsItsEnvironment reads the variables as the deployer
// will, together with those that the pipeline's actions add.
func TestTheDeployerAcceptsItsEnvironment(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("c", 40)
	for _, env := range plantest.Settings().Environments.Names() {
		for _, step := range both {
			vars := map[string]string{"DELIVERY_EXECUTION": "e", "DELIVERY_COMMIT": commit, "DELIVERY_SOURCE_COMMIT": commit}
			for _, v := range plantest.One(t, made(t, step, env), projectType, "").Inputs["environment"].(map[string]any)["environmentVariables"].([]any) {
				v := v.(map[string]any)
				require.Equal(t, "PLAINTEXT", v["type"])
				require.NotContains(t, vars, v["name"])
				vars[v["name"].(string)] = v["value"].(string)
			}
			s, err := deploy.ReadSettings(func(name string) string { return vars[name] })
			require.NoError(t, err)
			require.Equal(t, string(env), s.Environment)
			require.Equal(t, env == naming.Prod, s.Requires == "staging")
			require.Equal(t, args(step, env).TargetRoleARN, s.Role)
		}
	}
}

func TestTheBuildspecsAreAsReviewed(t *testing.T) {
	t.Parallel()
	for _, step := range both {
		got := plantest.One(t, made(t, step, naming.Dev), projectType, "").Inputs["source"].(map[string]any)["buildspec"].(string)
		golden.Require(t, step.Verb+".golden.yml", got, "a changed buildspec changes what every build runs")
		var doc map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(got), &doc))
	}
}

// grants returns what a role may do: "action resource" for each pair.
func grants(t *testing.T, rs []plantest.Resource) []string {
	t.Helper()
	var out []string
	for _, p := range plantest.Policies(t, rs) {
		if p.Key != "policy" {
			continue
		}
		for _, s := range p.Document.Statement {
			for _, action := range s.Action {
				for _, resource := range s.Resource {
					out = append(out, action+" "+resource)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestEachRoleMayDoExactlyThis pins the permissions of all six build roles.
func TestEachRoleMayDoExactlyThis(t *testing.T) {
	t.Parallel()
	for _, step := range both {
		var b strings.Builder
		for _, env := range plantest.Settings().Environments.Names() {
			b.WriteString("# " + step.Verb + " " + string(env) + "\n" + strings.Join(grants(t, made(t, step, env)), "\n") + "\n")
		}
		golden.Require(t, step.Verb+".permissions.golden", b.String(), "a changed list changes what a build may do")
	}
}

func TestThePreviewCanNotPretendADeployment(t *testing.T) {
	t.Parallel()
	for _, g := range grants(t, made(t, the("preview"), naming.Prod)) {
		require.NotContains(t, g, "events:PutEvents")
		require.NotContains(t, g, "deploy-role-")
		require.False(t, strings.HasPrefix(g, "s3:PutObject arn:aws:s3:::ledger"), g)
		require.NotContains(t, g, "/.pulumi/history")
		require.NotContains(t, g, "/.pulumi/*")
	}
}

// TestNoBuildWritesAnotherArtifactThanTheBundle: the source is read again by
// Deploy, after the approval.
func TestNoBuildWritesAnotherArtifactThanTheBundle(t *testing.T) {
	t.Parallel()
	writes := func(step buildproject.Step, env naming.Environment) (out []string) {
		for _, g := range grants(t, made(t, step, env)) {
			action, resource, _ := strings.Cut(g, " ")
			if strings.HasPrefix(resource, "arn:aws:s3:::artifact-bucket-") && !strings.HasPrefix(action, "s3:Get") {
				out = append(out, g)
			}
		}
		return out
	}
	for env, keys := range map[naming.Environment]string{
		naming.Dev: "pipeline-dev-a1b2/Bundle/*", naming.Staging: "pipeline-staging-a1b/Bundle/*", naming.Prod: "pipeline-prod-a1b2/Bundle/*",
	} {
		require.Equal(t, []string{"s3:PutObject arn:aws:s3:::artifact-bucket-" + string(env) + "-a1b2/" + keys}, writes(the("preview"), env))
		require.Empty(t, writes(the("deploy"), env))
	}
}

func TestADeploymentSpeaksForItsEnvironmentOnly(t *testing.T) {
	t.Parallel()
	statements := map[string]iampolicy.Statement{}
	for _, p := range plantest.Policies(t, made(t, the("deploy"), naming.Staging)) {
		for _, s := range p.Document.Statement {
			statements[s.Sid] = s
		}
	}
	require.EqualValues(t, []string{"delivery.deployer.staging"}, statements["PublishDeployment"].Condition["ForAllValues:StringEquals"]["events:source"])
	require.EqualValues(t, []string{"arn:aws:s3:::ledger-bucket-shared-a1b2/deployments/staging/*"}, statements["Record"].Resource)
	require.EqualValues(t, []string{"staging"}, statements["Secrets"].Condition["StringEquals"]["kms:EncryptionContext:environment"])
	require.EqualValues(t, []string{"arn:aws:iam::234567890123:role/deploy-role-staging-a1b2"}, statements["TargetAccount"].Resource)
}

func TestAProjectIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*buildproject.Args){
		`step "test" is unknown`: func(a *buildproject.Args) { a.Step.Verb = "test" },
		`step "" is unknown`:     func(a *buildproject.Args) { a.Step = buildproject.Step{} },
		`assumes the role "any"`: func(a *buildproject.Args) { a.Step.Target = "any" },
		"is not complete":        func(a *buildproject.Args) { a.Step.TimeoutMinutes = 0 },
		"a tag can be moved":     func(a *buildproject.Args) { a.Image = "repository:latest" },
		"lacks TargetRoleARN":    func(a *buildproject.Args) { a.TargetRoleARN = "" },
		"lacks LedgerBucket":     func(a *buildproject.Args) { a.LedgerBucket = "" },
	} {
		a := args(the("deploy"), naming.Dev)
		spoil(a)
		rs, err := plantest.Try("environment-dev", plantest.Suffix, nil, program(a), nil)
		require.ErrorContains(t, err, want)
		require.Empty(t, plantest.OfType(rs, projectType))
	}
	_, err := plantest.Try("environment-dev", plantest.Suffix, nil, program(nil), nil)
	require.ErrorContains(t, err, "has no arguments")
}
